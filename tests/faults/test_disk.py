"""The store in trouble: a full disk, another writer that holds SQLite, and what comes afterwards."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from api.domain.errors import StoreUnavailable
from tests.conftest import ON_SQLITE
from tests.server import until
from tests.services.whole import Whole

PLENTY = 1_000_000
pytestmark = ON_SQLITE


@pytest.fixture
def store(make_app: Callable[..., Flask]) -> Whole:
    return Whole(make_app())


def pages(store: Whole, most: int) -> None:
    """Let the file have so many pages at most: SQLite then says what it says of a full disk."""
    statement = f"PRAGMA max_page_count = {most}"
    store.services.chats._store.write(lambda work: work.connection.exec_driver_sql(statement).scalar())


def test_a_full_disk_refuses_writes_and_nothing_else(store: Whole) -> None:
    chat = store.chat(store.ann)
    kept = store.said(store.ann, chat, "demo:fast kept", model="demo/demo")
    pages(store, 1)  # no more than there are
    running = 0
    with pytest.raises(StoreUnavailable) as refused:
        for running in range(500):  # until the free places within the pages are used up
            store.services.chats.change(store.ann, store.chat(store.ann), {"title": "x" * 190})
    assert refused.value.retry_after, running
    assert store.services.generations.get(store.ann, str(kept.id)).status == "complete"
    _, messages = store.services.chats.open(store.ann, chat)
    assert len(messages) == 2
    pages(store, PLENTY)
    assert store.said(store.ann, chat, "demo:fast again", model="demo/demo").status == "complete"


def test_a_reply_that_runs_on_a_full_disk_ends_typed_and_is_stored_later(make_app: Callable[..., Flask]) -> None:
    store = Whole(make_app(store_patience=0.5))
    chat = store.chat(store.ann)
    words = " ".join("w" * 500 for _ in range(180))  # the demo model says them again: more than any page has room for
    sent = store.send(store.ann, chat, words, model="demo/demo")
    run = store.services.generations._runs[sent.generation_id]
    until(lambda: run.flushed > 1, what="the first words to be stored")
    pages(store, 1)
    until(lambda: run.log.ended, what="its typed end")
    kind, value = run.log.events[-1]
    assert (kind, value["code"]) == ("error", "store_unavailable")
    assert store.services.generations.get(store.ann, str(sent.generation_id)).active, "nothing of it could be stored"
    pages(store, PLENTY)
    assert store.ended(store.ann, sent).status in ("error", "complete"), "whole, where the model had said all by then"
    _, messages = store.services.chats.open(store.ann, chat)
    assert messages[-1].content == "".join(value for kind, value in run.log.events if kind == "delta")


def test_a_writer_that_holds_the_file_for_three_seconds_is_waited_for(store: Whole, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "parley.db", check_same_thread=False, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(3, other.execute, ("ROLLBACK",))
        release.start()
        assert store.chat(store.ann)
        release.join()


def test_a_writer_that_holds_it_for_long_is_told_of(store: Whole, tmp_path: Path) -> None:
    chat = store.chat(store.ann)
    with closing(sqlite3.connect(tmp_path / "parley.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as refused:
            store.chat(store.ann)
        assert refused.value.retry_after
        assert store.services.chats.open(store.ann, chat), "reading goes on"
        other.execute("ROLLBACK")
    assert store.chat(store.ann)
