"""Queries of chats. Lists never load message bodies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.chats import Chat, Reference
from api.domain.ids import parse_id
from api.models.accounts import USERS
from api.models.chats import CHATS
from api.models.generations import GENERATIONS
from api.models.imports import IMPORTS
from api.repositories.base import Repository
from api.repositories.generations import IS_ACTIVE
from api.repositories.prepared import Prepared

CHAT, GENERATION, IMPORT, USER = CHATS.c, GENERATIONS.c, IMPORTS.c, USERS.c
RUNNING = (
    sa.select(GENERATION.id)
    .where(GENERATION.user_id == CHAT.user_id, GENERATION.chat_id == CHAT.id, IS_ACTIVE)
    .order_by(GENERATION.queued_at)
    .limit(1)
    .scalar_subquery()
    .label("active_generation_id")
)
SELECT = sa.select(CHATS, RUNNING)
OWNED = CHAT.user_id == sa.bindparam("k_user_id")
BY_ID = CHAT.id == sa.bindparam("k_id")
BY_SLUG = CHAT.slug == sa.bindparam("k_slug")
BY_NUMBER = CHAT.number == sa.bindparam("k_number")
MAX_NUMBER = 2**31 - 1  # of the column; nobody's chat
SELECT_BY_ID = Prepared(SELECT.where(OWNED, BY_ID))
SELECT_BY_SLUG = Prepared(SELECT.where(OWNED, BY_SLUG))
SELECT_BY_NUMBER = Prepared(SELECT.where(OWNED, BY_NUMBER))
HOLD = sa.select(CHATS).where(OWNED).with_for_update()
HOLD_BY_ID = Prepared(HOLD.where(BY_ID))
HOLD_BY_SLUG = Prepared(HOLD.where(BY_SLUG))
HOLD_BY_NUMBER = Prepared(HOLD.where(BY_NUMBER))
UPDATE = sa.update(CHATS).where(OWNED, BY_ID)
NEXT_NUMBER = (
    sa.update(USERS)
    .where(USER.id == sa.bindparam("k_user_id"))
    .values(chat_counter=USER.chat_counter + 1)
    .returning(USER.chat_counter)
)


class ChatRepository(Repository):
    def next_number(self, user_id: UUID) -> int:
        """The user's next short number; numbers only grow, and are never given twice."""
        number: int = self.connection.execute(NEXT_NUMBER, {"k_user_id": user_id}).scalar_one()
        return number

    def add(self, values: Mapping[str, Any]) -> bool:
        """Insert; False when the slug is taken."""
        return self.add_unless_there(CHATS, values)

    def get_owned(self, reference: Reference, user_id: UUID) -> Chat | None:
        """By id, slug or number."""
        return self._named(reference, (SELECT_BY_ID, SELECT_BY_SLUG, SELECT_BY_NUMBER), user_id)

    def hold(self, reference: Reference, user_id: UUID) -> Chat | None:
        """By id, slug or number, kept from changing until this transaction ends."""
        return self._named(reference, (HOLD_BY_ID, HOLD_BY_SLUG, HOLD_BY_NUMBER), user_id)

    def page(
        self,
        user_id: UUID,
        *,
        limit: int,
        before: tuple[dt.datetime, UUID] | None,
        archived: bool | None,
        pinned: bool | None,
        folder: str | None,
        tag: str | None,
    ) -> list[Chat]:
        """Newest activity first, from just before the given place."""
        query = SELECT.where(CHAT.user_id == user_id, sa.not_(CHAT.temporary))
        if before is not None:
            query = query.where(sa.tuple_(CHAT.updated_at, CHAT.id) < sa.tuple_(*map(sa.literal, before)))
        for column, wanted in ((CHAT.archived, archived), (CHAT.pinned, pinned), (CHAT.folder, folder)):
            if wanted is not None:
                query = query.where(column.is_(None) if wanted == "" else column == wanted)
        if tag is not None:
            query = query.where(tagged(tag, self.is_postgresql))
        rows = self.connection.execute(query.order_by(CHAT.updated_at.desc(), CHAT.id.desc()).limit(limit))
        return [Chat(**row) for row in rows.mappings()]

    def all(self, user_id: UUID) -> list[Chat]:
        """Those that are kept, the newest first."""
        query = SELECT.where(CHAT.user_id == user_id, sa.not_(CHAT.temporary)).order_by(CHAT.number.desc())
        return [Chat(**row) for row in self.connection.execute(query).mappings()]

    def kept_after(self, user_id: UUID, after: UUID | None, limit: int) -> list[Chat]:
        """Those that are kept, by id, from just behind the given one."""
        query = SELECT.where(CHAT.user_id == user_id, sa.not_(CHAT.temporary))
        if after is not None:
            query = query.where(CHAT.id > after)
        return [Chat(**row) for row in self.connection.execute(query.order_by(CHAT.id).limit(limit)).mappings()]

    def change(self, user_id: UUID, chat_id: UUID, values: Mapping[str, Any]) -> bool:
        """Update the named columns only."""
        return self.changed(UPDATE, {"k_user_id": user_id, "k_id": chat_id, **values}) == 1

    def prune(self, before: dt.datetime, limit: int, *, temporary: bool = False) -> int:
        """Remove chats untouched since then, but for pinned ones and where a reply runs; how many. `temporary`: of
        those alone, and pinned or not. An import touches its chats, old as they are."""
        brought = sa.select(IMPORT.user_id, IMPORT.object_id).where(IMPORT.imported_at >= before)
        running = sa.exists().where(GENERATION.user_id == CHAT.user_id, GENERATION.chat_id == CHAT.id, IS_ACTIVE)
        goes = CHAT.temporary if temporary else ~CHAT.pinned
        untouched = (CHAT.updated_at < before, sa.tuple_(CHAT.user_id, CHAT.id).not_in(brought))
        old = sa.select(CHAT.user_id, CHAT.id).where(goes, *untouched, ~running).limit(limit)
        return self.changed(sa.delete(CHATS).where(sa.tuple_(CHAT.user_id, CHAT.id).in_(old)))

    def retitle(self, user_id: UUID, chat_id: UUID, title: str) -> None:
        """A model's title in place of the first words; one that the user has written stays."""
        first_words = (CHAT.user_id == user_id, CHAT.id == chat_id, CHAT.titled_by == "words")
        self.connection.execute(sa.update(CHATS).where(*first_words).values(title=title, titled_by="model"))

    def delete(self, user_id: UUID, chat_id: UUID) -> bool:
        return self.changed(sa.delete(CHATS).where(CHAT.user_id == user_id, CHAT.id == chat_id)) == 1

    def _named(self, reference: Reference, queries: tuple[Prepared, Prepared, Prepared], user_id: UUID) -> Chat | None:
        """The chat by its id, slug or number, each with a query. A slug may look like an id, which goes first."""
        by_id, by_slug, by_number = queries
        values: dict[str, Any] = {"k_user_id": user_id}
        if isinstance(reference, int):
            number = max(-1, min(reference, MAX_NUMBER))
            return by_number.record(self.connection, values | {"k_number": number}, Chat)
        if (chat_id := parse_id(reference)) is not None:
            found = by_id.record(self.connection, values | {"k_id": chat_id}, Chat)
            if found is not None:
                return found
        return by_slug.record(self.connection, values | {"k_slug": reference}, Chat)


def tagged(tag: str, is_postgresql: bool) -> sa.ColumnElement[bool]:
    """Whether a chat carries the tag."""
    if is_postgresql:
        return CHAT.tags.bool_op("@>")([tag])
    each = sa.func.json_each(CHAT.tags).table_valued("value", name="tag")
    return sa.exists().select_from(each).where(each.c.value == tag)
