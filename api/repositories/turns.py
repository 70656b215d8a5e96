"""The rows of a turn, stored together: what was said, the empty answer, its generation, and the chat's new head."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.domain.chats import Message
from api.domain.generations import Sequel
from api.domain.kept_keys import KEY_LIFE
from api.models.chats import CHATS, MESSAGES
from api.models.generations import GENERATIONS
from api.models.kept_keys import KEPT_KEYS
from api.repositories import messages
from api.repositories.base import Repository, insert_into
from api.repositories.generations import IS_ACTIVE
from api.repositories.prepared import Prepared, together

CHAT, GENERATION, KEPT, MESSAGE = CHATS.c, GENERATIONS.c, KEPT_KEYS.c, MESSAGES.c
GO_ON = Prepared(
    sa.update(MESSAGES).where(MESSAGE.user_id == sa.bindparam("k_user_id"), MESSAGE.id == sa.bindparam("k_id")),
    "status",
)


class TurnRepository(Repository):
    def begin(
        self,
        said: Sequence[Message],
        generation: Mapping[str, Any],
        chat: Mapping[str, Any],
        goes_on: UUID | None = None,
    ) -> bool:
        """Store all of it, the chat's columns `chat` among it. False when a reply runs in this chat already or the
        idempotency key is taken: the transaction must be undone then. A generation without a chat stands alone;
        `goes_on` is the answer that grows where none is new."""
        user_id, chat_id = generation["user_id"], generation["chat_id"]
        pieces = [(messages.INSERT, messages.row_of(message)) for message in said]
        if goes_on is not None:
            pieces.append((GO_ON, {"status": "running", "k_user_id": user_id, "k_id": goes_on}))
        if chat:
            pieces.append((_update(tuple(chat)), {**chat, "k_user_id": user_id, "k_id": chat_id}))
        insert = _insert(tuple(generation), self.connection.dialect.name)
        keys = {"k_user_id": user_id, "k_chat_id": chat_id}
        if "idempotency_key" in generation:
            keys |= {"k_key": generation["idempotency_key"], "k_since": clock.now() - KEY_LIFE}
        pieces.append((insert, {**generation, **keys}))
        return together(self.connection, *pieces) == 1

    def beside(self, generations: Sequence[Mapping[str, Any]]) -> None:
        """Store those that run beside the one that `begin` stored."""
        if generations:
            together(self.connection, *((_beside(tuple(row)), row) for row in generations))

    def follow(self, sequel: Sequel, *, shown: bool) -> None:
        """Store a reply that follows what has just been closed; `shown`: it is the chat's end from now on."""
        message, row = sequel.message, sequel.row
        pieces = [(messages.INSERT, messages.row_of(message)), (_beside(tuple(row)), row)]
        if shown:
            head = {"head_id": message.id, "k_user_id": message.user_id, "k_id": message.chat_id}
            pieces.append((_update(("head_id",)), head))
        together(self.connection, *pieces)


@functools.cache
def _beside(columns: tuple[str, ...]) -> Prepared:
    return Prepared(sa.insert(GENERATIONS), *columns)


@functools.cache
def _update(columns: tuple[str, ...]) -> Prepared:
    owned = (CHAT.user_id == sa.bindparam("k_user_id"), CHAT.id == sa.bindparam("k_id"))
    return Prepared(sa.update(CHATS).where(*owned), *columns)


@functools.cache
def _insert(columns: tuple[str, ...], dialect: str) -> Prepared:
    """INSERT … SELECT … WHERE nothing runs in the chat and the key is kept for nothing else, ON CONFLICT DO NOTHING."""
    user_id = sa.bindparam("k_user_id", type_=sa.Uuid())
    running = sa.exists().where(
        GENERATION.user_id == user_id,
        GENERATION.chat_id == sa.bindparam("k_chat_id", type_=sa.Uuid()),
        IS_ACTIVE,
    )
    values = sa.select(*(sa.bindparam(name, type_=GENERATION[name].type) for name in columns)).where(~running)
    if "idempotency_key" in columns:
        kept = sa.exists().where(
            KEPT.user_id == user_id,
            KEPT.idempotency_key == sa.bindparam("k_key", type_=KEPT.idempotency_key.type),
            KEPT.made_at >= sa.bindparam("k_since", type_=KEPT.made_at.type),
        )
        values = values.where(~kept)
    insert = insert_into(GENERATIONS, dialect).from_select(list(columns), values, include_defaults=False)
    return Prepared(insert.on_conflict_do_nothing())
