"""Queries of chats. Lists never load message bodies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.domain.chats import Chat
from api.domain.generations import ACTIVE
from api.domain.ids import parse_id
from api.models.accounts import User
from api.models.base import table_of
from api.models.chats import Chat as ChatRow
from api.models.generations import Generation as GenerationRow
from api.repositories.base import Repository

CHAT = table_of(ChatRow).c
GENERATION = table_of(GenerationRow).c
RUNNING = (
    sa.select(GENERATION.id)
    .where(GENERATION.user_id == CHAT.user_id, GENERATION.chat_id == CHAT.id, GENERATION.status.in_(ACTIVE))
    .order_by(GENERATION.queued_at)
    .limit(1)
    .scalar_subquery()
    .label("active_generation_id")
)
SELECT = sa.select(table_of(ChatRow), RUNNING)


class ChatRepository(Repository):
    def next_number(self, user_id: UUID) -> int:
        """The user's next short number; numbers only grow, and are never given twice."""
        users = table_of(User)
        number: int = self.connection.execute(
            sa.update(users)
            .where(users.c.id == user_id)
            .values(chat_counter=users.c.chat_counter + 1)
            .returning(users.c.chat_counter)
        ).scalar_one()
        return number

    def add(self, values: Mapping[str, Any]) -> bool:
        """Insert; False when the slug is taken."""
        statement = self.insert(table_of(ChatRow)).values(**values).on_conflict_do_nothing()
        return self.changed(statement) == 1

    def get_owned(self, reference: str, user_id: UUID) -> Chat | None:
        """By id or slug."""
        chat_id = parse_id(reference)
        found = CHAT.id == chat_id if chat_id is not None else CHAT.slug == reference
        row = self.connection.execute(SELECT.where(CHAT.user_id == user_id, found)).mappings().first()
        return Chat(**row) if row is not None else None

    def page(
        self,
        user_id: UUID,
        *,
        limit: int,
        before: tuple[dt.datetime, UUID] | None,
        archived: bool | None,
        pinned: bool | None,
        folder: str | None,
    ) -> list[Chat]:
        """Newest activity first, from just before the given place."""
        query = SELECT.where(CHAT.user_id == user_id, sa.not_(CHAT.temporary))
        if before is not None:
            query = query.where(sa.tuple_(CHAT.updated_at, CHAT.id) < sa.tuple_(*map(sa.literal, before)))
        for column, wanted in ((CHAT.archived, archived), (CHAT.pinned, pinned), (CHAT.folder, folder)):
            if wanted is not None:
                query = query.where(column == wanted)
        rows = self.connection.execute(query.order_by(CHAT.updated_at.desc(), CHAT.id.desc()).limit(limit))
        return [Chat(**row) for row in rows.mappings()]

    def change(self, user_id: UUID, chat_id: UUID, values: Mapping[str, Any]) -> bool:
        """Update the named columns only."""
        return self.changed(sa.update(ChatRow).where(CHAT.user_id == user_id, CHAT.id == chat_id).values(**values)) == 1

    def grow(self, user_id: UUID, reference: str, by: int) -> Chat | None:
        """Lock the chat for this transaction and reserve `by` sequence numbers; `last_seq` is the last of them."""
        chat_id = parse_id(reference)
        found = CHAT.id == chat_id if chat_id is not None else CHAT.slug == reference
        statement = (
            sa.update(ChatRow)
            .where(CHAT.user_id == user_id, found)
            .values(last_seq=CHAT.last_seq + by, updated_at=clock.now())
            .returning(*table_of(ChatRow).c)
        )
        row = self.connection.execute(statement).mappings().first()
        return Chat(**row) if row is not None else None

    def delete(self, user_id: UUID, chat_id: UUID) -> bool:
        return self.changed(sa.delete(ChatRow).where(CHAT.user_id == user_id, CHAT.id == chat_id)) == 1
