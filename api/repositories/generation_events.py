"""The event rows of running replies, and the word to other processes that there are new ones."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from api.domain.generations import ACTIVE
from api.models.generations import GENERATION_EVENTS, GENERATIONS
from api.repositories.base import Repository, insert_into

EVENT, GENERATION = GENERATION_EVENTS.c, GENERATIONS.c
ADDED = ("user_id", "generation_id", "first_seq", "last_seq", "payload")
# PostgreSQL's driver sends the rows of an `executemany` one by one, and waits for each.
ADD_AT_ONCE = sa.text(
    "INSERT INTO generation_events (user_id, generation_id, first_seq, last_seq, payload)"
    " SELECT * FROM unnest(CAST(:user_id AS uuid[]), CAST(:generation_id AS uuid[]),"
    " CAST(:first_seq AS integer[]), CAST(:last_seq AS integer[]), CAST(:payload AS text[]))"
    " ON CONFLICT (user_id, generation_id, first_seq)"
    " DO UPDATE SET last_seq = excluded.last_seq, payload = excluded.payload"
)
CHANNEL = "parley_events"
ANNOUNCE = sa.select(sa.func.pg_notify(CHANNEL, sa.bindparam("process", type_=sa.Text)))


@functools.cache
def _add() -> Any:
    insert = insert_into(GENERATION_EVENTS, "sqlite")
    grown = {"last_seq": insert.excluded.last_seq, "payload": insert.excluded.payload}
    return insert.on_conflict_do_update(index_elements=ADDED[:3], set_=grown)


@dataclass(frozen=True, slots=True)
class EventsRange:
    """Consecutive events of one generation."""

    user_id: UUID
    generation_id: UUID
    first_seq: int
    events: Sequence[tuple[str, Any]]


class GenerationEventRepository(Repository):
    def add(self, ranges: Sequence[EventsRange]) -> None:
        """One row a range. A row already there, from a commit whose answer was lost, grows to the range given now."""
        if not ranges:
            return
        rows = [
            {
                "user_id": part.user_id,
                "generation_id": part.generation_id,
                "first_seq": part.first_seq,
                "last_seq": part.first_seq + len(part.events) - 1,
                "payload": msgspec.json.encode(part.events).decode(),
            }
            for part in ranges
        ]
        if self.is_postgresql:
            columns = {name: [row[name] for row in rows] for name in ADDED}
            self.connection.execute(ADD_AT_ONCE, columns)
        else:
            self.connection.execute(_add(), rows)

    def after(self, places: Iterable[tuple[UUID, UUID, int, int]]) -> list[EventsRange]:
        """The rows beyond each `(user id, generation id, first number of the last row seen, last number seen)`.

        In order. The first of them may begin with what was seen: rows grow.
        """
        conditions = [
            sa.and_(
                EVENT.user_id == user_id,
                EVENT.generation_id == generation_id,
                EVENT.first_seq >= first,
                EVENT.last_seq > last,
            )
            for user_id, generation_id, first, last in places
        ]
        if not conditions:
            return []
        query = sa.select(GENERATION_EVENTS).where(sa.or_(*conditions)).order_by(EVENT.generation_id, EVENT.first_seq)
        return [
            EventsRange(
                row.user_id,
                row.generation_id,
                row.first_seq,
                [(k, v) for k, v in msgspec.json.decode(row.payload)],
            )
            for row in self.connection.execute(query)
        ]

    def announce(self, process_id: UUID) -> None:
        """Tell the other processes, after the commit, that this one has stored something (PostgreSQL)."""
        if self.is_postgresql:
            self.connection.execute(ANNOUNCE, {"process": str(process_id)})

    def prune(self, before: dt.datetime, most: int) -> int:
        """Remove rows of generations that ended before `before`; their index stands for them."""
        ended = (
            sa.select(EVENT.user_id, EVENT.generation_id, EVENT.first_seq)
            .join(
                GENERATIONS,
                sa.and_(
                    GENERATION.user_id == EVENT.user_id,
                    GENERATION.id == EVENT.generation_id,
                ),
            )
            .where(
                EVENT.created_at < before,
                GENERATION.finished_at < before,
                GENERATION.status.not_in(ACTIVE),
            )
            .limit(most)
        )
        keys = [tuple(row) for row in self.connection.execute(ended)]
        if keys:
            key = sa.tuple_(EVENT.user_id, EVENT.generation_id, EVENT.first_seq)
            self.connection.execute(sa.delete(GENERATION_EVENTS).where(key.in_(keys)))
        return len(keys)
