"""Dead owners: their runs become `interrupted`, with all the text that was flushed; the chat goes on at once.

A free liveness lock is a dead owner. On PostgreSQL a restart of the database frees every lock although nobody died,
so there a lock counts only if it was taken since that restart and its heartbeat has stopped. A heartbeat alone (an
owner that is frozen and holds its lock) counts after two looks ten seconds apart with the database up throughout.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

import structlog

from api.domain import clock, event_index, metrics
from api.domain.errors import StoreUnavailable
from api.domain.events import Usage
from api.domain.generations import Closing, Counted, Generation
from api.repositories.presence import Presence
from api.repositories.unit_of_work import Store, UnitOfWork
from api.streams.live_log import Event

log = structlog.get_logger()
FRESH_SECONDS = 1.0  # a living owner's heartbeat is never older while it runs something
STALE_SECONDS = 10.0
ORPHAN_SECONDS = 30.0
GONE_SECONDS = 3600.0


class Recovery:
    """`is_running(id)` tells whether this process itself carries a generation."""

    def __init__(
        self,
        store: Store,
        presence: Presence,
        owner: UUID,
        is_running: Callable[[UUID], bool],
        settle: Callable[[UnitOfWork, Sequence[Counted]], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._settle = settle
        self._presence = presence
        self._owner = owner
        self._is_running = is_running
        self._looks: dict[UUID, float] = {}
        self._given_up: set[UUID] = set()

    def give_up(self, generation_id: UUID) -> None:
        """This process cannot store the end of what it carried: the next sweep ends it, with what is stored already."""
        self._given_up.add(generation_id)

    def sweep(self) -> int:
        """Recover the runs of every dead owner; returns how many. Raises StoreUnavailable."""
        try:
            owners = self._store.read(lambda work: work.generations.active_owners()) - {self._owner}
            self._looks = {owner: at for owner, at in self._looks.items() if owner in owners}
            recovered = sum(self.recover(owner) for owner in owners if self.is_dead(owner))
            return recovered + self._recover_orphans()
        except StoreUnavailable:
            self._looks.clear()  # the two looks count only with the database up throughout
            raise

    def is_dead(self, owner: UUID) -> bool:
        """Whether `owner` can no longer finish what it began."""
        if owner == self._owner:
            return False
        age, epoch = self._store.read(lambda work: work.processes.heartbeats()).get(owner, (None, None))
        if self._presence.is_free(owner) and epoch == self._presence.epoch():
            return self._presence.epoch() is None or age is None or age > FRESH_SECONDS
        return self._stale_twice(owner, age)

    def is_gone(self, owner: UUID) -> bool:
        """Whether `owner` has ended, was recovered, or is dead: what it left undone is for others to do."""
        return owner not in self._store.read(lambda work: work.processes.heartbeats()) or self.is_dead(owner)

    def _stale_twice(self, owner: UUID, age: float | None) -> bool:
        if age is not None and age < STALE_SECONDS:
            self._looks.pop(owner, None)
            return False
        first = self._looks.setdefault(owner, time.monotonic())
        return time.monotonic() - first >= STALE_SECONDS

    def recover(self, owner: UUID) -> int:
        """End all runs of a dead owner; returns how many this call has ended."""
        generations = self._store.read(lambda work: work.generations.active_of_owner(owner))
        ended = sum(self._interrupt(generation) for generation in generations)
        self._store.write(lambda work: work.processes.remove(owner))
        if self._presence.is_free(owner):  # a frozen one keeps its lock: it may wake and begin new runs
            self._presence.forget(owner)
        self._looks.pop(owner, None)
        if ended:
            metrics.replies_recovered_total.inc(ended)
            log.warning("replies of a process that died were kept as interrupted", replies=ended, owner=str(owner))
        return ended

    def forget_gone(self) -> None:
        """Remove what processes left that died while they ran nothing."""
        beats = self._store.read(lambda work: work.processes.heartbeats())
        old = [owner for owner, (age, _) in beats.items() if age > GONE_SECONDS and owner != self._owner]
        for owner in filter(self._presence.is_free, old):
            self._store.write(partial(_remove, owner=owner), durable=False)
            self._presence.forget(owner)

    def _recover_orphans(self) -> int:
        """Runs that this process acknowledged and does not carry: a fault between commit and start, or at the end."""
        limit = clock.now() - dt.timedelta(seconds=ORPHAN_SECONDS)
        mine = self._store.read(lambda work: work.generations.long_active(self._owner, limit))
        orphans = {generation_id for generation_id in (*mine, *self._given_up) if not self._is_running(generation_id)}
        if not orphans:
            return 0
        active = self._store.read(lambda work: work.generations.active_of_owner(self._owner))
        ended = {one.id: self._interrupt(one) for one in active if one.id in orphans}
        self._given_up.difference_update(one for one in orphans if ended.get(one, True))
        return sum(ended.values())

    def _interrupt(self, generation: Generation) -> bool:
        """One that cannot be ended with its text ends without it, and never keeps the others from their end."""
        for keep_text in (True, False):
            try:
                ended = self._store.write(partial(self._interrupt_in, generation=generation, keep_text=keep_text))
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("a reply could not be ended", generation_id=str(generation.id), with_text=keep_text)
            else:
                if ended:
                    metrics.count_ended(generation.provider, "interrupted", Usage())
                return ended
        return False

    def _interrupt_in(self, work: UnitOfWork, generation: Generation, keep_text: bool) -> bool:
        if not work.generations.lock_active(generation.owner, generation.id):
            return False
        stored = work.generation_events.after([(generation.user_id, generation.id, 1, 0)]) if keep_text else []
        events: list[Event] = [event for part in stored for event in part.events]
        events = events or [("started", None)]
        message = work.messages.get_owned(generation.message_id, generation.user_id) if generation.message_id else None
        text, reasoning = (message.content, message.reasoning or "") if message else ("", "")  # of a part that goes on
        metadata = {name: value for name, value in message.metadata.items() if name != "error"} if message else {}
        closing = Closing(
            user_id=generation.user_id,
            generation_id=generation.id,
            message_id=generation.message_id,
            owner=generation.owner,
            status="interrupted",
            content=text + event_index.joined(events, "delta"),
            reasoning=reasoning + event_index.joined(events, "reasoning") or None,
            metadata=metadata | {"generation_id": str(generation.id)} | generation.notes,
            notes=generation.notes,
            event_index=event_index.build([*events, ("usage", None), ("finished", None)], len(text), len(reasoning)),
            first_token_at=None,
            finished_at=clock.now(),
        )
        won = work.generations.close(closing)
        counted = [won] if won else []
        work.usage.add(counted)
        self._settle(work, counted)
        work.generation_events.announce(self._owner)
        return won is not None


def _remove(work: UnitOfWork, owner: UUID) -> None:
    work.processes.remove(owner)
