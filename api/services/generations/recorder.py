"""How the flusher's batches reach the database: fenced by owner and status, one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from api.domain.generations import Closing, Counted
from api.repositories.generation_events import EventsRange
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.generations.run import Run
from api.streams.flusher import Batch, Outcome

Settle = Callable[[UnitOfWork, Sequence[Counted]], None]
"""What else is due for calls, in the transaction that closes them."""


class Recorder:
    """Stores what this process's runs have; `owner` is the process."""

    def __init__(self, store: Store, owner: UUID, settle: Settle) -> None:
        self._store = store
        self._settle = settle
        self._owner = owner

    def store(self, batch: Batch) -> Outcome:
        """One transaction. Whatever another process has closed is named in `lost`, and nothing of it is written."""
        return self._store.write(lambda work: self._write(work, batch), durable=bool(batch.closings))

    def _write(self, work: UnitOfWork, batch: Batch) -> Outcome:
        outcome = Outcome()
        self._write_events(work, batch, outcome)
        counted: list[Counted] = []
        for run, closing in batch.closings:
            assert isinstance(closing, Closing)
            if won := work.generations.close(closing):
                counted.append(won)
            else:
                outcome.lost.add(run.id)
        work.usage.add(counted)
        self._settle(work, counted)
        if batch.events or batch.closings:
            work.generation_events.announce(self._owner)
        return outcome

    def _write_events(self, work: UnitOfWork, batch: Batch, outcome: Outcome) -> None:
        ids = {run.id for run, _, _ in batch.events} | {run.id for run in batch.watched}
        if not ids:
            return
        alive = work.generations.fence(self._owner)
        outcome.lost |= ids - alive.keys()
        outcome.stops |= {generation_id for generation_id, stop in alive.items() if stop}
        ranges = []
        fresh = []
        for run, first, last in batch.events:
            assert isinstance(run, Run)
            if run.id not in alive:
                continue
            ranges.append(EventsRange(run.plan.user_id, run.id, first, run.log.events[first - 1 : last]))
            if first == 1:
                fresh.append(run.id)
        work.generation_events.add(ranges)
        if fresh:
            work.generations.mark_running(self._owner, fresh)
