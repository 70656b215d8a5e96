"""Queries of generations: acknowledged, fenced, closed, recovered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.generations import ACTIVE, Closing, Counted, Generation
from api.models.chats import MESSAGES
from api.models.generations import GENERATIONS
from api.repositories.base import Repository
from api.repositories.prepared import Prepared

GENERATION = GENERATIONS.c
MESSAGE = MESSAGES.c
FIELDS = tuple(getattr(GENERATION, name) for name in Generation.__dataclass_fields__)
SELECT = sa.select(*FIELDS)
# Literal, as the partial index says it: with parameters SQLite would not use that.
IS_ACTIVE = GENERATION.status.in_([sa.literal_column(f"'{status}'") for status in ACTIVE])
KEY = (GENERATION.user_id == sa.bindparam("k_user_id"), GENERATION.id == sa.bindparam("k_id"))
BY_KEY = Prepared(SELECT.where(*KEY))
BY_IDEMPOTENCY_KEY = Prepared(
    SELECT.where(GENERATION.user_id == sa.bindparam("k_user_id"), GENERATION.idempotency_key == sa.bindparam("k_key"))
)
ACTIVE_IN_CHAT = Prepared(
    SELECT.where(
        GENERATION.user_id == sa.bindparam("k_user_id"), GENERATION.chat_id == sa.bindparam("k_chat_id"), IS_ACTIVE
    ).limit(1)
)
ACTIVE_OWNERS = sa.select(GENERATION.owner).where(IS_ACTIVE).distinct()
ACTIVE_OF_OWNER = SELECT.where(GENERATION.owner == sa.bindparam("k_owner"), IS_ACTIVE)
LONG_ACTIVE = sa.select(GENERATION.id).where(
    GENERATION.owner == sa.bindparam("k_owner"), GENERATION.queued_at < sa.bindparam("k_before"), IS_ACTIVE
)
FENCE = sa.select(GENERATION.id, GENERATION.stop_requested).where(
    GENERATION.owner == sa.bindparam("k_owner"), IS_ACTIVE
)
LOCKING_FENCE = FENCE.with_for_update(read=True)
MARK_RUNNING = (
    sa.update(GENERATIONS)
    .where(
        GENERATION.owner == sa.bindparam("k_owner"),
        GENERATION.status == "queued",
        GENERATION.id.in_(sa.bindparam("k_ids", expanding=True)),
    )
    .values(status="running")
)
UPDATE_ACTIVE = sa.update(GENERATIONS).where(*KEY, IS_ACTIVE)
CLOSED_COLUMNS = (
    "status",
    "notes",
    "event_index",
    "first_token_at",
    "finished_at",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "estimated",
    "cost",
    "price_source",
    "finish_reason",
    "error_code",
    "error_detail",
)
CLOSE = Prepared(
    UPDATE_ACTIVE.where(GENERATION.owner == sa.bindparam("k_owner"))
    .values(
        {name: sa.bindparam(name, type_=GENERATION[name].type) for name in CLOSED_COLUMNS}
        | {"day": sa.func.coalesce(GENERATION.day, sa.bindparam("k_day", type_=sa.Date()))}
    )
    .returning(*(GENERATION[name] for name in Counted.KEPT)),
)
CLOSE_MESSAGE = Prepared(
    sa.update(MESSAGES).where(MESSAGE.user_id == sa.bindparam("k_user_id"), MESSAGE.id == sa.bindparam("k_id")),
    *("content", "reasoning", "parts", "status", "metadata"),
)


class GenerationRepository(Repository):
    def get_owned(self, generation_id: UUID, user_id: UUID) -> Generation | None:
        return self._first(BY_KEY, k_user_id=user_id, k_id=generation_id)

    def by_idempotency_key(self, user_id: UUID, key: str) -> Generation | None:
        return self._first(BY_IDEMPOTENCY_KEY, k_user_id=user_id, k_key=key)

    def forget_idempotency_key(self, user_id: UUID, generation_id: UUID) -> None:
        found = (GENERATION.user_id == user_id, GENERATION.id == generation_id)
        self.connection.execute(sa.update(GENERATIONS).where(*found).values(idempotency_key=None))

    def active_in_chat(self, user_id: UUID, chat_id: UUID) -> Generation | None:
        return self._first(ACTIVE_IN_CHAT, k_user_id=user_id, k_chat_id=chat_id)

    def all_active_in_chat(self, user_id: UUID, chat_id: UUID) -> list[Generation]:
        """More than one only while models are compared."""
        return self._all(SELECT.where(GENERATION.user_id == user_id, GENERATION.chat_id == chat_id, IS_ACTIVE))

    def active_of_user(self, user_id: UUID) -> list[Generation]:
        return self._all(SELECT.where(GENERATION.user_id == user_id, IS_ACTIVE))

    def active_owners(self) -> set[UUID]:
        return set(self.connection.execute(ACTIVE_OWNERS).scalars())

    def active_of_owner(self, owner: UUID) -> list[Generation]:
        return [Generation(**row) for row in self.connection.execute(ACTIVE_OF_OWNER, {"k_owner": owner}).mappings()]

    def long_active(self, owner: UUID, before: dt.datetime) -> list[UUID]:
        """The active ones of `owner` that were queued before `before`."""
        return list(self.connection.execute(LONG_ACTIVE, {"k_owner": owner, "k_before": before}).scalars())

    def states(self, keys: Iterable[tuple[UUID, UUID]]) -> list[Generation]:
        """The generations behind (user id, id) pairs."""
        pairs = list(keys)
        if not pairs:
            return []
        return self._all(SELECT.where(sa.tuple_(GENERATION.user_id, GENERATION.id).in_(pairs)))

    def request_stop(self, user_id: UUID, generation_id: UUID) -> bool:
        return self._change_active(user_id, generation_id, {"stop_requested": True})

    def fence(self, owner: UUID) -> dict[UUID, bool]:
        """What `owner` still runs, locked until the commit: id → whether a stop is asked for."""
        query = LOCKING_FENCE if self.is_postgresql else FENCE
        return {row[0]: row[1] for row in self.connection.execute(query, {"k_owner": owner})}

    def mark_running(self, owner: UUID, ids: Sequence[UUID]) -> None:
        self.connection.execute(MARK_RUNNING, {"k_owner": owner, "k_ids": list(ids)})

    def close(self, closing: Closing) -> Counted | None:
        """Store the end, if the owner still runs it; what the usage counts of it, for `UsageRepository.add`.
        None: another closer was first, and nothing is changed."""
        values = {name: getattr(closing, name) for name in CLOSED_COLUMNS}
        key = {"k_user_id": closing.user_id, "k_id": closing.generation_id, "k_owner": closing.owner}
        row = CLOSE.first(self.connection, values | key | {"k_day": closing.finished_at.date()})
        if row is None:
            return None
        if closing.message_id is not None:
            CLOSE_MESSAGE.changed(
                self.connection,
                {
                    "k_user_id": closing.user_id,
                    "k_id": closing.message_id,
                    "content": closing.content,
                    "reasoning": closing.reasoning,
                    "parts": closing.parts,
                    "status": closing.status,
                    "metadata": closing.metadata,
                },
            )
        return Counted(closing, *row)

    def lock_active(self, owner: UUID, generation_id: UUID) -> bool:
        """Take one active generation of `owner` for this transaction; False if somebody closed it."""
        query = sa.select(GENERATION.id).where(GENERATION.owner == owner, GENERATION.id == generation_id, IS_ACTIVE)
        return self.connection.execute(query.with_for_update()).first() is not None

    def _change_active(self, user_id: UUID, generation_id: UUID, values: Mapping[str, Any]) -> bool:
        return self.changed(UPDATE_ACTIVE, {"k_user_id": user_id, "k_id": generation_id, **values}) == 1

    def _first(self, query: Prepared, **values: Any) -> Generation | None:
        return query.record(self.connection, values, Generation)

    def _all(self, query: sa.Select[Any]) -> list[Generation]:
        return [Generation(**row) for row in self.connection.execute(query).mappings()]
