"""One thread a process stores what the live logs have new, in batches: every 200 ms, and when a reply ends.

What it writes with is given by `wiring`; this module knows when, not how.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import structlog

from api.domain.errors import StoreUnavailable
from api.streams.live_log import LiveLog

log = structlog.get_logger()
INTERVAL = 0.2
GATHER = 0.02
PATIENCE = 30.0


class Storable(Protocol):
    """A run as the flusher sees it. All callbacks are called in the flusher's thread."""

    id: UUID
    log: LiveLog
    flushed: int
    kept: bool  # whether its events are stored while it runs

    def closing(self) -> Any:
        """What the closing transaction stores, once the run has ended."""
        ...

    def lost(self) -> None:
        """Another process has closed it: stop at once and write nothing."""
        ...

    def stop_requested(self) -> None: ...

    def poisoned(self, error: Exception) -> None:
        """Its events cannot be stored: end it typed."""
        ...

    def closed(self, won: bool) -> None:
        """The closing transaction has committed; `won` is False when somebody else closed first."""
        ...

    def unclosable(self, error: Exception) -> None:
        """The closing itself cannot be stored."""
        ...

    def stranded(self) -> None:
        """The store has been away for long: end it."""
        ...

    def untold(self) -> None:
        """It has ended, and the store is still away: tell the readers now. The closing is stored later."""
        ...


@dataclass(slots=True)
class Batch:
    """One transaction's work."""

    events: list[tuple[Storable, int, int]] = field(default_factory=list)  # run, first number, last number
    closings: list[tuple[Storable, Any]] = field(default_factory=list)
    watched: list[Storable] = field(default_factory=list)  # runs whose stop flag is due to be read

    def __bool__(self) -> bool:
        return bool(self.events or self.closings or self.watched)


@dataclass(slots=True)
class Outcome:
    """What the transaction found."""

    lost: set[UUID] = field(default_factory=set)
    stops: set[UUID] = field(default_factory=set)


class Flusher:
    """`store(batch)` runs one transaction. It raises StoreUnavailable while the database is away: all is kept then.

    Nobody waits longer than `patience` for a database that is away: the runs end then, typed, and are stored later.
    """

    def __init__(
        self,
        store: Callable[[Batch], Outcome],
        housekeeping: Callable[[bool], None],
        *,
        interval: float = INTERVAL,
        patience: float = PATIENCE,
    ) -> None:
        self._store = store
        self._housekeeping = housekeeping
        self._interval = interval
        self._patience = patience
        self._away_since: float | None = None
        self._runs: dict[UUID, Storable] = {}
        self._ended: list[Storable] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        self._stopping = False
        self._looked_at = 0.0
        self._stored_at = 0.0
        self._closings: dict[UUID, Any] = {}

    def start(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()

    def add(self, run: Storable) -> None:
        idle = not self._runs
        self._runs[run.id] = run
        if idle:
            self._wake.set()

    def end(self, run: Storable) -> None:
        """The run has ended: close it with the next transaction: at once, or with those that end a moment later."""
        with self._lock:
            self._ended.append(run)
        self._wake.set()

    @property
    def runs(self) -> tuple[Storable, ...]:
        return tuple(self._runs.values())

    def stop(self) -> None:
        """Store what is there and end the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        due = 0.0
        while True:
            idle = not self._runs
            self._wake.wait(self._interval * 5 if idle else max(0.0, due - time.monotonic()))
            self._gather()
            self._wake.clear()
            if idle:  # the first reply after a pause may still end before anything of it is stored
                due = time.monotonic() + self._interval
            ticked = time.monotonic() >= due
            if ticked:
                due = time.monotonic() + self._interval
            try:
                self.flush(events=ticked)
                self._housekeeping(bool(self._runs))
            except StoreUnavailable:
                time.sleep(self._interval)
            except Exception:
                log.exception("flush failed")
                time.sleep(self._interval)
            if self._stopping and (not self._runs or not self._ended):
                return

    def _gather(self) -> None:
        """Where many replies end, those of a moment are closed together: alone each costs three times as much."""
        others = len(self._runs) > len(self._ended)
        if others and not self._stopping:
            time.sleep(max(0.0, self._stored_at + GATHER - time.monotonic()))

    def flush(self, *, events: bool = True) -> None:
        """Store everything new. `events=False` closes what has ended and leaves the rest for the next tick."""
        batch = self._collect(events)
        if not batch:
            return
        try:
            outcome = self._store(batch)
        except StoreUnavailable:
            self._put_back(batch)
            self._wait_no_longer()
            raise
        except Exception as error:
            log.warning("a batch failed; its parts are stored one by one", error=type(error).__name__)
            self._one_by_one(batch)
            return
        self._away_since = None
        self._stored_at = time.monotonic()
        self._settle(batch, outcome)

    def _wait_no_longer(self) -> None:
        """Of runs that still wait when patience is over."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since < self._patience:
            return
        for run in self.runs:
            if run.id in self._closings:
                run.untold()
            else:
                run.stranded()

    def _collect(self, events: bool) -> Batch:
        with self._lock:
            ended, self._ended = self._ended, []
        batch = Batch()
        for run in ended:
            try:
                closing = self._closings.get(run.id) or run.closing()
            except Exception as error:
                log.exception("a reply could not be closed", generation_id=str(run.id))
                self._runs.pop(run.id, None)
                run.unclosable(error)
                continue
            self._closings[run.id] = closing
            batch.closings.append((run, closing))
        if not events:
            return batch
        ending = {run.id for run, _ in batch.closings}
        for run in self.runs:
            last = len(run.log.events)
            if run.kept and run.id not in ending and last > run.flushed:
                batch.events.append((run, run.flushed + 1, last))
        now = time.monotonic()
        if now - self._looked_at >= self._interval * 2.5:
            self._looked_at = now
            batch.watched = [run for run in self.runs if run.id not in ending]
        return batch

    def _put_back(self, batch: Batch) -> None:
        with self._lock:
            self._ended = [run for run, _ in batch.closings] + self._ended

    def _settle(self, batch: Batch, outcome: Outcome) -> None:
        for run, _, last in batch.events:
            if run.id in outcome.lost:
                self._runs.pop(run.id, None)
                run.lost()
            else:
                run.flushed = last
        for run, _ in batch.closings:
            self._runs.pop(run.id, None)
            self._closings.pop(run.id, None)
            run.closed(run.id not in outcome.lost)
        for run in batch.watched:
            if run.id in outcome.stops:
                run.stop_requested()
            elif run.id in outcome.lost and run.id in self._runs:
                self._runs.pop(run.id, None)
                run.lost()

    def _one_by_one(self, batch: Batch) -> None:
        for item in batch.events:
            part = Batch(events=[item])
            self._try(part, item[0].poisoned)
        for run, closing in batch.closings:

            def refused(error: Exception, run: Storable = run) -> None:
                self._runs.pop(run.id, None)
                self._closings.pop(run.id, None)
                run.unclosable(error)

            self._try(Batch(closings=[(run, closing)]), refused)

    def _try(self, part: Batch, refused: Callable[[Exception], None]) -> None:
        try:
            outcome = self._store(part)
        except StoreUnavailable:
            self._put_back(part)
        except Exception as error:
            refused(error)
        else:
            self._settle(part, outcome)
