"""Queries of folders and tags, and of many chats at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.chats import Chat
from api.domain.folders import Label
from api.models.chats import CHATS
from api.repositories.base import Repository
from api.repositories.chats import SELECT

CHAT = CHATS.c
OWNED = (CHAT.user_id == sa.bindparam("k_user_id"), sa.not_(CHAT.temporary))
COUNTS = (sa.func.count().label("chats"), sa.func.sum(sa.cast(CHAT.archived, sa.Integer)).label("archived"))
FOLDERS = sa.select(CHAT.folder.label("name"), *COUNTS).where(*OWNED).group_by(CHAT.folder)
SET_TAGS = sa.update(CHATS).where(CHAT.user_id == sa.bindparam("k_user_id"), CHAT.id == sa.bindparam("k_id"))


def each_tag(dialect: str) -> sa.TableValuedAlias:
    """The tags of a chat as rows."""
    elements = sa.func.jsonb_array_elements_text if dialect == "postgresql" else sa.func.json_each
    return elements(CHAT.tags).table_valued("value", name="tag")


class FolderRepository(Repository):
    def folders(self, user_id: UUID) -> list[Label]:
        """Each folder with its number of chats; the chats in none are under the empty name."""
        rows = self.connection.execute(FOLDERS, {"k_user_id": user_id})
        return [Label(row.name or "", row.chats, row.archived) for row in rows]

    def tags(self, user_id: UUID) -> list[Label]:
        """Each tag with its number of chats."""
        tag = each_tag(self.connection.dialect.name)
        query = sa.select(tag.c.value.label("name"), *COUNTS).select_from(CHATS.join(tag, sa.true()))
        rows = self.connection.execute(query.where(*OWNED).group_by(tag.c.value), {"k_user_id": user_id})
        return [Label(row.name, row.chats, row.archived) for row in rows]

    def named(self, user_id: UUID, ids: Iterable[UUID], slugs: Iterable[str]) -> list[Chat]:
        """Those of these chats that the user has, kept from changing until the transaction ends."""
        which = sa.or_(CHAT.id.in_(ids), CHAT.slug.in_(slugs))
        query = SELECT.where(CHAT.user_id == user_id, which).order_by(CHAT.id)
        rows = self.connection.execute(query.with_for_update(of=CHATS))
        return [Chat(**row) for row in rows.mappings()]

    def change(self, user_id: UUID, chat_ids: Sequence[UUID], values: Mapping[str, Any]) -> None:
        """The same columns of many chats."""
        self.connection.execute(sa.update(CHATS).where(CHAT.user_id == user_id, CHAT.id.in_(chat_ids)).values(**values))

    def set_tags(self, user_id: UUID, tags: Mapping[UUID, Sequence[str]]) -> None:
        rows = [{"k_user_id": user_id, "k_id": chat_id, "tags": list(some)} for chat_id, some in tags.items()]
        if rows:
            self.connection.execute(SET_TAGS, rows)

    def delete(self, user_id: UUID, chat_ids: Sequence[UUID]) -> None:
        self.connection.execute(sa.delete(CHATS).where(CHAT.user_id == user_id, CHAT.id.in_(chat_ids)))
