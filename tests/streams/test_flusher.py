"""When the flusher writes what: batches, ends, poison, a store that is away. The store here keeps what it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.domain.errors import StoreUnavailable
from api.streams.flusher import Batch, Flusher, Outcome, Storable
from api.streams.live_log import LiveLog


class Reply:
    """A run as the flusher sees it; what it is told is kept in order."""

    def __init__(self, *texts: str) -> None:
        self.id = uuid4()
        self.log = LiveLog([("delta", text) for text in texts])
        self.flushed = 0
        self.kept = True
        self.told: list[str] = []
        self.over = threading.Event()

    def closing(self) -> Any:
        return "".join(value for _, value in self.log.events)

    def lost(self) -> None:
        self.told.append("lost")

    def stop_requested(self) -> None:
        self.told.append("stop requested")

    def poisoned(self, error: Exception) -> None:
        self.told.append("poisoned")

    def closed(self, won: bool) -> None:
        self.told.append("closed" if won else "somebody else closed")
        self.over.set()

    def stranded(self) -> None:
        self.told.append("stranded")

    def untold(self) -> None:
        self.told.append("untold")

    def unclosable(self, error: Exception) -> None:
        self.told.append("unclosable")


@dataclass
class Rows:
    """A store. `refuse(batch)` may raise before anything is kept, `forget(batch)` after."""

    events: list[tuple[UUID, int, int]] = field(default_factory=list)
    ends: dict[UUID, Any] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    lost: set[UUID] = field(default_factory=set)
    stops: set[UUID] = field(default_factory=set)
    refuse: Callable[[Batch], None] = lambda _: None

    def store(self, batch: Batch) -> Outcome:
        self.batches.append(batch)
        self.refuse(batch)
        self.events += [(run.id, first, last) for run, first, last in batch.events if run.id not in self.lost]
        self.ends |= {run.id: closing for run, closing in batch.closings if run.id not in self.lost}
        return Outcome(set(self.lost), set(self.stops))


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def flusher(rows: Rows) -> Flusher:
    """Not started: each test says when a tick is."""
    return Flusher(rows.store, lambda _: None, interval=0.0)


@pytest.fixture
def running(rows: Rows) -> Iterator[Flusher]:
    flusher = Flusher(rows.store, lambda _: None)
    flusher.start()
    yield flusher
    flusher.stop()


def add(flusher: Flusher, *replies: Reply) -> None:
    for reply in replies:
        flusher.add(reply)


def waited(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_one_transaction_for_all_that_is_new(flusher: Flusher, rows: Rows) -> None:
    first, second = Reply("a", "b"), Reply("c")
    add(flusher, first, second)
    flusher.flush()
    flusher.flush()
    first.log.extend([("delta", "d")])
    flusher.flush()
    assert rows.events == [(first.id, 1, 2), (second.id, 1, 1), (first.id, 3, 3)]
    assert len([batch for batch in rows.batches if batch.events]) == 2


def test_an_end_before_the_first_flush_writes_no_events(flusher: Flusher, rows: Rows) -> None:
    reply, other = Reply("a"), Reply("b")
    add(flusher, reply, other)
    flusher.end(reply)
    flusher.flush(events=False)
    assert (rows.events, rows.ends, reply.told) == ([], {reply.id: "a"}, ["closed"])
    assert flusher.runs == (other,)
    flusher.flush()
    assert rows.events == [(other.id, 1, 1)]


def test_after_a_pause_a_short_reply_still_has_time_to_end(rows: Rows) -> None:
    """The thread is woken by its start and by its end, and stores no events before an interval has gone by."""
    flusher = Flusher(rows.store, lambda _: None, interval=60.0)
    flusher.start()
    time.sleep(0.1)
    reply = Reply("a")
    flusher.add(reply)
    flusher.end(reply)
    assert reply.over.wait(30)
    assert rows.events == []
    flusher.stop()


def test_after_a_pause_the_first_flush_comes_with_the_first_interval(rows: Rows) -> None:
    """The thread that rests longer while nothing runs is woken: here it would rest for minutes."""
    flusher = Flusher(rows.store, lambda _: None, interval=0.2)
    flusher._interval = 100.0
    flusher.start()
    time.sleep(0.1)
    flusher._interval = 0.2
    reply = Reply("a")
    flusher.add(reply)
    waited(lambda: rows.events)
    flusher.end(reply)
    flusher.stop()


def test_those_that_end_in_a_moment_are_closed_together(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another still runs, with those that end meanwhile."""
    moment, waits = threading.Event(), threading.Semaphore(0)

    def sleep(seconds: float) -> None:
        if seconds > 0:
            waits.release()
            assert moment.wait(60)

    monkeypatch.setattr("api.streams.flusher.time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    monkeypatch.setattr("api.streams.flusher.GATHER", 600.0)
    flusher, running = Flusher(rows.store, lambda _: None, interval=600.0), Reply("a")
    first, second, third = Reply("b"), Reply("c"), Reply("d")
    for one in (running, first, second, third):
        flusher.add(one)
    moment.set()
    flusher.start()
    flusher.end(first)
    assert first.over.wait(60)
    moment.clear()
    flusher.end(second)
    assert waits.acquire(timeout=60)
    flusher.end(third)
    moment.set()
    assert second.over.wait(60)
    assert third.over.wait(60)
    assert [len(batch.closings) for batch in rows.batches if batch.closings] == [1, 2]
    moment.clear()
    flusher.end(running)
    assert running.over.wait(60), "nobody else is waited for"
    flusher.stop()


def test_a_poisoned_reply_ends_alone(flusher: Flusher, rows: Rows) -> None:
    good, bad, ending = Reply("a"), Reply("poison"), Reply("c")

    def refuse(batch: Batch) -> None:
        if any(run is bad for run, _, _ in batch.events):
            raise ValueError("cannot be stored")

    rows.refuse = refuse
    add(flusher, good, bad, ending)
    flusher.end(ending)
    flusher.flush()
    assert rows.events == [(good.id, 1, 1)]
    assert rows.ends == {ending.id: "c"}
    assert (good.told, bad.told, ending.told) == ([], ["poisoned"], ["closed"])
    assert (good.flushed, bad.flushed) == (1, 0)
    assert bad in flusher.runs


def test_an_end_that_cannot_be_stored(flusher: Flusher, rows: Rows) -> None:
    good, bad = Reply("a"), Reply("poison")

    def refuse(batch: Batch) -> None:
        if any(run is bad for run, _ in batch.closings):
            raise ValueError("cannot be stored")

    rows.refuse = refuse
    add(flusher, good, bad)
    flusher.end(good)
    flusher.end(bad)
    flusher.flush()
    assert (good.told, bad.told, rows.ends) == (["closed"], ["unclosable"], {good.id: "a"})
    assert not flusher.runs


def test_an_end_that_cannot_be_made(flusher: Flusher, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = Reply("a"), Reply("b")
    monkeypatch.setattr(bad, "closing", lambda: 1 / 0)
    add(flusher, bad, good)
    flusher.end(bad)
    flusher.end(good)
    flusher.flush()
    assert (good.told, bad.told) == (["closed"], ["unclosable"])


def test_nothing_is_dropped_while_the_store_is_away(flusher: Flusher, rows: Rows) -> None:
    live, ending = Reply("a"), Reply("b")

    def refuse(_: Batch) -> None:
        raise StoreUnavailable

    rows.refuse = refuse
    add(flusher, live, ending)
    flusher.end(ending)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            flusher.flush()
        live.log.extend([("delta", "more")])
    rows.refuse = lambda _: None
    flusher.flush()
    assert rows.events == [(live.id, 1, 4)]
    assert rows.ends == {ending.id: "b"}
    assert (live.told, ending.told) == ([], ["closed"])


def test_nobody_waits_for_ever_for_a_store_that_is_away(rows: Rows) -> None:
    flusher = Flusher(rows.store, lambda _: None, interval=0.0, patience=0)
    live, ending = Reply("a"), Reply("b")

    def refuse(_: Batch) -> None:
        raise StoreUnavailable

    rows.refuse = refuse
    add(flusher, live, ending)
    flusher.end(ending)
    with pytest.raises(StoreUnavailable):
        flusher.flush()
    assert (live.told, ending.told) == (["stranded"], ["untold"])
    flusher.end(live)
    with pytest.raises(StoreUnavailable):
        flusher.flush()
    assert (live.told, ending.told) == (["stranded", "untold"], ["untold", "untold"])
    rows.refuse = lambda _: None
    flusher.flush()
    assert rows.ends == {live.id: "a", ending.id: "b"}
    assert (live.told[-1], ending.told[-1]) == ("closed", "closed")


def test_the_store_goes_away_while_parts_are_stored_one_by_one(flusher: Flusher, rows: Rows) -> None:
    first, second = Reply("a"), Reply("b")
    failures: Iterator[Exception] = iter([ValueError(), StoreUnavailable(), StoreUnavailable()])

    def refuse(_: Batch) -> None:
        if error := next(failures, None):
            raise error

    rows.refuse = refuse
    add(flusher, first, second)
    flusher.end(second)
    flusher.flush()
    flusher.flush()
    assert rows.events == [(first.id, 1, 1)]
    assert rows.ends == {second.id: "b"}
    assert (first.told, second.told) == ([], ["closed"])


def test_what_another_process_closed_is_lost(flusher: Flusher, rows: Rows) -> None:
    writing, silent, ending = Reply("a"), Reply(), Reply("c")
    rows.lost = {writing.id, silent.id, ending.id}
    add(flusher, writing, silent, ending)
    flusher.end(ending)
    flusher.flush()
    assert (writing.told, silent.told, ending.told) == (["lost"], ["lost"], ["somebody else closed"])
    assert (rows.events, rows.ends, writing.flushed) == ([], {}, 0)
    assert not flusher.runs


def test_a_wish_to_stop_is_seen(flusher: Flusher, rows: Rows) -> None:
    reply = Reply()
    rows.stops = {reply.id}
    add(flusher, reply)
    flusher.flush()
    assert reply.told == ["stop requested"]


def test_the_thread_survives_faults_and_retries_until_it_is_stored(running: Flusher, rows: Rows) -> None:
    reply = Reply("a")
    failures: Iterator[Exception] = iter([StoreUnavailable(), StoreUnavailable(), StoreUnavailable()])

    def refuse(_: Batch) -> None:
        if error := next(failures, None):
            raise error

    rows.refuse = refuse
    running.add(reply)
    running.end(reply)
    assert reply.over.wait(30)
    assert rows.ends == {reply.id: "a"}


def test_stopping_stores_what_has_ended(rows: Rows) -> None:
    flusher = Flusher(rows.store, lambda _: None)
    flusher.start()
    replies: list[Storable] = [Reply("a") for _ in range(5)]
    for reply in replies:
        flusher.add(reply)
        flusher.end(reply)
    flusher.stop()
    assert len(rows.ends) == 5
