"""How the flusher's batches reach the database: fenced by owner and status, one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from api.domain import metrics
from api.domain.generations import Closing, Counted, Generation, Sequel
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
        with metrics.flush_seconds.time():
            outcome, followed = self._store.write(lambda work: self._write(work, batch), durable=bool(batch.closings))
        for run in followed:
            run.followed()
        return outcome

    def _write(self, work: UnitOfWork, batch: Batch) -> tuple[Outcome, list[Run]]:
        outcome = Outcome()
        heads = self._free_to_follow(work, batch)
        followed: list[Run] = []
        self._write_events(work, batch, outcome)
        counted: list[Counted] = []
        for run, closing in batch.closings:
            assert isinstance(run, Run)
            assert isinstance(closing, Closing)
            sequel = closing.sequel if run.id in heads else None
            if won := work.generations.close(_with_next(closing, sequel) if sequel else closing):
                counted.append(won)
                if sequel is not None:
                    work.turns.follow(sequel, shown=heads[run.id] == closing.message_id)
                    followed.append(run)
            elif (stored := _stored_before(work, closing)) is None:
                outcome.lost.add(run.id)
            elif closing.sequel and stored.notes.get("next") == str(closing.sequel.generation_id):
                followed.append(run)
        work.usage.add(counted)
        self._settle(work, counted)
        if batch.events or batch.closings:
            work.generation_events.announce(self._owner)
        return outcome, followed

    @staticmethod
    def _free_to_follow(work: UnitOfWork, batch: Batch) -> dict[UUID, UUID | None]:
        """Of the runs that something follows, those that nobody has stopped or deleted by now; with their chat's head.
        First of all, because everybody takes the chat before what hangs on it."""
        heads: dict[UUID, UUID | None] = {}
        for _, closing in batch.closings:
            if closing.sequel is None:
                continue
            message = closing.sequel.message
            chat = work.chats.hold(str(message.chat_id), message.user_id)
            if chat is None or not work.generations.lock_active(closing.owner, closing.generation_id):
                continue
            generation = work.generations.get_owned(closing.generation_id, closing.user_id)
            planned = work.messages.get_owned(closing.message_id, closing.user_id)
            if generation is not None and not generation.stop_requested and planned is not None:
                heads[closing.generation_id] = chat.head_id
        return heads

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


def _stored_before(work: UnitOfWork, closing: Closing) -> Generation | None:
    """The generation, where this very end is stored by a transaction whose COMMIT nobody answered."""
    found = work.generations.get_owned(closing.generation_id, closing.user_id)
    return found if found is not None and found.finished_at == closing.finished_at else None


def _with_next(closing: Closing, sequel: Sequel) -> Closing:
    return replace(closing, notes=closing.notes | {"next": str(sequel.generation_id)})
