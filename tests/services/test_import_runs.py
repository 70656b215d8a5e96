"""Imports in the background: progress, places, stops, and what is left by a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from api.domain.errors import Conflict, Invalid, NotFound, Overloaded, StoreUnavailable
from api.domain.principal import Principal
from api.services.imports import Seen
from api.services.imports import service as importing
from tests.server import until
from tests.services.test_imports import imported, outcomes, rows
from tests.services.trees import exported, talk
from tests.services.whole import Whole


class Gate:
    """A file whose middle is held back until it is opened."""

    def __init__(self, whole: Whole, chats: int) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        files = [exported(whole, whole.ann, talk(whole, whole.ann, "a", "b", title=f"T{n}")) for n in range(chats)]
        self.data = b"\n".join(files)

    def hold(self, monkeypatch: pytest.MonkeyPatch, behind: int) -> None:
        """The reading waits behind so many chats."""
        real = importing.conversations

        def slow(*values: Any) -> Iterator[Any]:
            for number, one in enumerate(real(*values), 1):
                yield one
                if number == behind:
                    self.reached.set()
                    assert self.open.wait(60)

        monkeypatch.setattr(importing, "conversations", slow)


def ended(whole: Whole, who: Principal, run: Any) -> Seen:
    seen = whole.services.imports.seen
    until(lambda: seen(who, str(run.id), 0, 1).run.state != "running")
    return seen(who, str(run.id), 0, 1000)


def test_progress_is_told_while_it_goes_on(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(whole, 5)
    gate.hold(monkeypatch, 2)
    run = whole.services.imports.start(whole.ben, iter([gate.data[:100], gate.data[100:]]))
    assert (run.state, run.size) == ("running", len(gate.data))
    assert gate.reached.wait(60)
    seen = whole.services.imports.seen(whole.ben, str(run.id), 0, 1)
    assert (seen.run.state, seen.run.added, len(seen.results), seen.more) == ("running", 2, 1, True)
    with pytest.raises(Conflict):
        whole.services.imports.start(whole.ben, iter([b"{}"]))
    with pytest.raises(NotFound):
        whole.services.imports.seen(whole.ann, str(run.id), 0, 1)
    gate.open.set()
    seen = ended(whole, whole.ben, run)
    assert (seen.run.state, seen.run.added, seen.run.done) == ("complete", 5, len(gate.data))
    assert [one.position for one in seen.results] == [1, 2, 3, 4, 5]
    rest = whole.services.imports.seen(whole.ben, str(run.id), 3, 1000)
    assert [one.position for one in rest.results] == [4, 5]


def test_a_process_reads_two_files_at_a_time(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(whole, 2)
    gate.hold(monkeypatch, 1)
    runs = [whole.services.imports.start(who, iter([gate.data])) for who in (whole.ann, whole.ben)]
    with pytest.raises(Overloaded):
        whole.services.imports.start(whole.account("cid"), iter([gate.data]))
    gate.open.set()
    for who, run in zip((whole.ann, whole.ben), runs, strict=True):
        ended(whole, who, run)
    until(lambda: not whole.services.imports._threads)
    whole.services.imports.start(whole.ann, iter([gate.data]))


def test_a_stop_of_the_server_cuts_behind_a_chat(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(whole, 5)
    gate.hold(monkeypatch, 2)
    run = whole.services.imports.start(whole.ben, iter([gate.data]))
    assert gate.reached.wait(60)
    whole.services.imports._stopping.set()
    gate.open.set()
    seen = ended(whole, whole.ben, run)
    assert seen.run.state in ("interrupted", "complete")  # the small file was read already
    whole.services.imports._stopping.clear()
    again = imported(whole, whole.ben, gate.data)
    assert (again.run.added + again.run.unchanged, again.run.failed) == (5, 0)


def test_a_run_whose_process_was_killed_is_told_as_interrupted(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    run = whole.services.imports._begun(whole.ann, 100)
    assert whole.services.imports.seen(whole.ann, str(run.id), 0, 1).run.state == "running"
    monkeypatch.setattr(importing, "DEAD", importing.dt.timedelta(0))
    seen = whole.services.imports.seen(whole.ann, str(run.id), 0, 1).run
    assert (seen.state, "again" in (seen.detail or "")) == ("interrupted", True)
    assert imported(whole, whole.ann, b"[]").run.state == "failed", "and another one may begin"


def test_a_chat_that_cannot_be_stored_leaves_nothing_and_stops_nobody(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(whole, 3)
    before = rows(whole)
    real = importing.store
    failures: list[Exception] = [ValueError("no")]

    def store(work: Any, who: Any, transcript: Any, **more: Any) -> Any:
        result = real(work, who, transcript, **more)
        if transcript.title == "T1":
            raise failures[0]
        return result

    monkeypatch.setattr(importing, "store", store)
    seen = imported(whole, whole.ben, gate.data)
    assert outcomes(seen) == ["added", "failed", "added"]
    assert rows(whole) == (before[0] + 2, before[1] + 4)
    failures[0] = StoreUnavailable("The database is away.")
    away = imported(whole, whole.ben, gate.data)
    assert (away.run.state, away.run.unchanged) == ("failed", 1)
    assert "not added twice" in (away.run.detail or "")


def test_files_that_are_empty_or_too_large_are_refused_at_once(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole.services.imports, "_most_bytes", 10)
    for chunks, words in (([], "Send the file"), ([b"x" * 6, b"x" * 6], "MAX_IMPORT_BYTES")):
        with pytest.raises(Invalid, match=words):
            whole.services.imports.start(whole.ann, iter(chunks))
    assert not whole.services.imports._threads
    for _ in range(5):  # no place is lost by a refusal
        with pytest.raises(Invalid):
            whole.services.imports.start(whole.ann, iter([]))
