"""What is said is indexed later, on SQLite: nothing is missed meanwhile, and the index is what it would be at once."""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from api.db import Database
from api.domain.errors import Invalid
from api.repositories.unit_of_work import Store
from api.services import search
from api.services.generations import janitor
from api.services.search import SearchService
from tests.conftest import ON_SQLITE
from tests.server import until
from tests.services.indexed import indexed, pending
from tests.services.library import Library, somebody
from tests.services.trees import exported, talk
from tests.services.whole import PASSWORD, Whole

CHANGE = "UPDATE messages SET content = :text WHERE id = :id"


@pytest.fixture
def ann(store: Store) -> Library:
    return somebody(store)


@ON_SQLITE
def test_what_is_said_is_noted_found_and_indexed_later(store: Store, ann: Library) -> None:
    ben = somebody(store, "ben")
    mine, bens = ann.say(ann.chat(), "needle one", "needle two"), ben.say(ben.chat(), "needle")
    ann.say(ann.chat(), "needle", role="system")
    ann.say(ann.chat(), "")
    assert (pending(store), indexed(store)) == (mine + bens, [])
    assert (ann.found("needle"), ben.found("needle")) == (mine[::-1], bens)
    assert pending(store) == mine + bens, "a search only reads"
    ann.service.catch_up()
    assert (pending(store), indexed(store)) == ([], mine + bens)
    assert (ann.found("needle"), ben.found("needle")) == (mine[::-1], bens)


@ON_SQLITE
def test_housekeeping_indexes_whole_batches_without_a_search(make_app: Callable[..., Flask]) -> None:
    whole = Whole(make_app())
    library = Library(whole.services.chats._store, whole.ann)
    said = library.say(library.chat(), *["needle"] * (search.BATCH + 20))
    until(lambda: indexed(library.store) == said[: search.BATCH], what="the round that indexes a batch")
    assert pending(library.store) == said[search.BATCH :]
    assert library.found("needle") == said[::-1]


@ON_SQLITE
def test_housekeeping_indexes_the_rest_seldom(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janitor, "SELDOM_SECONDS", 0.1)
    whole = Whole(make_app())
    store = whole.services.chats._store
    whole.said(whole.ann, whole.chat(whole.ann), "demo:fast hello", model="demo/demo")
    until(lambda: len(indexed(store)) == 2 and not pending(store), what="the round that indexes all")


def test_nothing_is_left_to_do_on_postgresql(store: Store, ann: Library) -> None:
    """And on SQLite nothing after it was done."""
    said = ann.say(ann.chat(), "needle")
    service = SearchService(store)
    service.tend()
    service.catch_up()
    assert ann.found("needle") == said


@ON_SQLITE
def test_in_small_transactions(store: Store, ann: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many messages, or so much of text, at one time; in the background a part of a large backlog."""
    left: list[int] = []
    write = store.write

    def noted(fn: Any, *, durable: bool = True) -> Any:
        result = write(fn, durable=durable)
        left.append(len(pending(store)))
        return result

    ann.say(ann.chat(), *["x"] * 25)
    ann.say(ann.chat(), *["y" * 60] * 3)
    monkeypatch.setattr(store, "write", noted)
    monkeypatch.setattr(search, "BATCH", 10)
    monkeypatch.setattr(search, "BATCH_CHARS", 100)
    monkeypatch.setattr(search, "TEND_SECONDS", 0)
    ann.service.tend()
    assert left == [18], "one, if that took all its time"
    monkeypatch.setattr(search, "TEND_SECONDS", 600)
    ann.service.tend()
    assert left == [18, 8], "the rest waits for more"
    ann.service.catch_up()
    assert left == [18, 8, 1, 0]
    assert len(indexed(store)) == 28
    ann.service.catch_up()
    assert len(left) == 4, "and where nothing waits nothing is written"


@ON_SQLITE
def test_what_comes_meanwhile_waits_for_others(store: Store, ann: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else to catch up had no end while people write, and indexed each message by itself."""
    chat, write, left = ann.chat(), store.write, list[int]()

    def while_people_write(fn: Any, *, durable: bool = True) -> Any:
        result = write(fn, durable=durable)
        if not durable:
            left.append(len(pending(store)))
            assert len(left) < 10
            ann.say(chat, "needle")
        return result

    ann.say(chat, *["needle"] * 15)
    monkeypatch.setattr(store, "write", while_people_write)
    monkeypatch.setattr(search, "BATCH", 10)
    ann.service.catch_up()
    assert (left, len(pending(store))) == ([5, 0], 1)


@ON_SQLITE
@pytest.mark.parametrize("batch", [None, 30, 10_000])
def test_a_search_goes_on_while_messages_come_and_are_indexed(store: Store, ann: Library, batch: int | None) -> None:
    """What was pending on one page has its place in the index on the next one: each hit once, none of the new ones."""
    ben = somebody(store, "ben")
    chat, other = ann.chat(), ben.chat()
    said = []
    for number in range(search.WINDOW):
        said += ann.say(chat, f"needle {number}", "hay", "needle again")[::2]
        ben.say(other, "needle")
    seen: list[UUID] = []
    for page in ann.pages("needle", limit=30):
        seen += [hit.message_id for hit in page if hit.message_id]
        ann.say(chat, "needle")
        if batch is not None:
            store.write(lambda work: work.search_pending.index(batch, 1_000_000))
    assert sorted(seen) == sorted(said)
    assert set(ann.found("needle 7")) == {said[2 * number] for number in (7, *range(70, 80))}
    assert set(said) <= set(ann.found("ne"))


@ON_SQLITE
def test_two_processes_index_at_once(store: Store, ann: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ann.say(ann.chat(), *[f"needle {number}" for number in range(120)])
    monkeypatch.setattr(search, "BATCH", 4)
    others = [Store(Database(store.database.url)) for _ in range(2)]
    ready, failed = threading.Barrier(2), []

    def work(other: Store) -> None:
        ready.wait(60)
        try:
            SearchService(other).catch_up()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for other in others:
        other.close()
    assert failed == []
    assert (indexed(store), pending(store)) == (said, [])


@ON_SQLITE
def test_what_breaks_off_is_pending_still(store: Store, ann: Library, tmp_path: Path) -> None:
    """A message and its note are one transaction, and so are the note's end and the index."""
    said = ann.say(ann.chat(), "needle one", "needle two")

    def break_off(work: Any) -> None:
        work.search_pending.index(1, 1)
        raise Invalid("broken off")

    with pytest.raises(Invalid):
        store.write(break_off)
    assert (pending(store), indexed(store)) == (said, [])

    def half(work: Any) -> None:
        work.connection.execute(sa.text("UPDATE messages SET content = 'needle three'"))
        raise Invalid("broken off")

    with pytest.raises(Invalid):
        store.write(half)
    killed = tmp_path / "killed"
    killed.mkdir()
    for ending in ("", "-wal"):  # as a killed process leaves it
        (killed / f"parley.db{ending}").write_bytes((tmp_path / f"parley.db{ending}").read_bytes())
    later = Store(Database(f"sqlite:///{killed / 'parley.db'}"))
    library = Library(later, ann.who)
    assert library.found("needle") == said[::-1]
    library.service.catch_up()
    assert (library.found("needle"), indexed(later)) == (said[::-1], said)
    later.close()


def test_imports_and_accounts_that_go(whole: Whole) -> None:
    store = whole.services.chats._store
    library = Library(store, whole.ben)
    chat = talk(whole, whole.ben, "needle one", "needle two", "three")
    assert len(library.found("needle")) == 2
    data = exported(whole, whole.ben, chat)
    whole.services.chats.delete(whole.ben, chat)
    assert library.found("needle") == []
    whole.services.imports.whole(whole.ben, io.BytesIO(data), len(data))
    assert len(library.found("needle")) == 2
    kept = Library(store, whole.ann).say(Library(store, whole.ann).chat(), "needle")
    whole.services.chats.delete(whole.ben, chat)
    whole.services.imports.whole(whole.ben, io.BytesIO(data), len(data))
    whole.services.accounts.delete(whole.ben.user_id, PASSWORD)
    assert Library(store, whole.ann).found("needle") == kept
    if not store.database.is_postgresql:
        whole.services.search.catch_up()
        assert (indexed(store), pending(store)) == (kept, [])


@ON_SQLITE
def test_what_is_noted_twice_is_indexed_once(store: Store, ann: Library) -> None:
    """Emptied and filled again before its turn; one of them in an earlier batch than the other."""
    said = ann.say(ann.chat(), "needle", "hay")

    def change(text: str) -> None:
        values = {"id": said[0].hex, "text": text}
        store.write(lambda work: work.connection.execute(sa.text(CHANGE), values))

    for text in ("", "needle of now"):
        change(text)
    assert pending(store) == [*said, said[0]]
    assert ann.found("needle") == said[:1]
    store.write(lambda work: work.search_pending.index(2, 1000))
    assert (indexed(store), pending(store)) == (said, said[:1])
    assert ann.found("needle") == said[:1]
    for text in ("", "needle again"):
        change(text)
    ann.service.catch_up()
    assert (indexed(store), pending(store)) == ([said[1], said[0]], [])
    assert ann.found("again") == said[:1]
    assert ann.found("now") == []


@ON_SQLITE
def test_rows_may_be_numbered_anew(store: Store, ann: Library) -> None:
    """`doctor` makes a file smaller; what waits is known by its name."""
    said = ann.say(ann.chat(), "needle one", "hay", "needle two")
    store.write(lambda work: work.connection.execute(sa.text("DELETE FROM messages WHERE content = 'needle two'")))
    with sqlite3.connect(str(store.database.url.database), isolation_level=None) as file:
        file.execute("VACUUM")
    assert ann.found("needle") == said[:1]
    ann.service.catch_up()
    assert (ann.found("needle"), indexed(store)) == (said[:1], said[:2])
