"""Queries of messages: the tree and its active path."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.chats import Message
from api.models.base import table_of
from api.models.chats import Message as MessageRow
from api.repositories.base import Repository
from api.repositories.prepared import Prepared, together

TABLE = table_of(MessageRow)
MESSAGE = TABLE.c


def _path(depth: int | None) -> sa.CTE:
    """The rows from a leaf up to the root (or `depth` of them), as `id, depth`."""
    leaf = sa.select(MESSAGE.id, MESSAGE.parent_id, sa.literal(0).label("depth")).where(
        MESSAGE.user_id == sa.bindparam("user_id"), MESSAGE.id == sa.bindparam("leaf_id")
    )
    path = leaf.cte("path", recursive=True)
    parent = TABLE.alias("parent")
    step = sa.select(parent.c.id, parent.c.parent_id, path.c.depth + 1).where(
        parent.c.user_id == sa.bindparam("user_id"), parent.c.id == path.c.parent_id
    )
    if depth is not None:
        step = step.where(path.c.depth + 1 < depth)
    return path.union_all(step)


def _messages(path: sa.CTE) -> sa.Select[Any]:
    joined = TABLE.join(path, sa.and_(MESSAGE.id == path.c.id, MESSAGE.user_id == sa.bindparam("user_id")))
    return sa.select(TABLE).select_from(joined).order_by(path.c.depth.desc())


@functools.lru_cache(maxsize=256)
def _newest(depth: int) -> sa.Select[Any]:
    return _messages(_path(depth))


_WHOLE = _path(None)
COLUMNS = tuple(name for name in Message.__dataclass_fields__ if name != "sibling_ids")
INSERT = Prepared(sa.insert(TABLE), *COLUMNS)
BY_KEY = Prepared(
    sa.select(TABLE).where(MESSAGE.user_id == sa.bindparam("k_user_id"), MESSAGE.id == sa.bindparam("k_id"))
)
CONTEXT = Prepared(
    sa.select(MESSAGE.role, MESSAGE.content)
    .select_from(TABLE.join(_WHOLE, sa.and_(MESSAGE.id == _WHOLE.c.id, MESSAGE.user_id == sa.bindparam("user_id"))))
    .order_by(_WHOLE.c.depth.desc())
)


def row_of(message: Message) -> dict[str, Any]:
    """The columns of a message."""
    return {name: getattr(message, name) for name in COLUMNS}


class MessageRepository(Repository):
    def add(self, messages: Sequence[Message]) -> None:
        together(self.connection, *((INSERT, row_of(message)) for message in messages))

    def get_owned(self, message_id: UUID, user_id: UUID) -> Message | None:
        return BY_KEY.record(self.connection, {"k_user_id": user_id, "k_id": message_id}, Message)

    def exists_in(self, user_id: UUID, chat_id: UUID, message_id: UUID) -> bool:
        query = sa.select(sa.literal(1)).where(
            MESSAGE.user_id == user_id, MESSAGE.id == message_id, MESSAGE.chat_id == chat_id
        )
        return self.connection.execute(query).first() is not None

    def context(self, user_id: UUID, leaf_id: UUID | None) -> list[tuple[str, str]]:
        """Role and content from the root down to the leaf."""
        if leaf_id is None:
            return []
        return CONTEXT.rows(self.connection, {"user_id": user_id, "leaf_id": leaf_id})

    def path(self, user_id: UUID, leaf_id: UUID | None, limit: int) -> list[Message]:
        """The newest `limit` messages of the path that ends in the leaf, oldest first, with their siblings' ids."""
        if leaf_id is None:
            return []
        rows = self.connection.execute(_newest(limit), {"user_id": user_id, "leaf_id": leaf_id})
        found = [dict(row) for row in rows.mappings()]
        siblings = self._siblings(user_id, [row["parent_id"] for row in found], found[0]["chat_id"] if found else None)
        return [Message(**row, sibling_ids=tuple(siblings[row["parent_id"]])) for row in found]

    def _siblings(
        self, user_id: UUID, parents: Sequence[UUID | None], chat_id: UUID | None
    ) -> dict[UUID | None, list[UUID]]:
        found: dict[UUID | None, list[UUID]] = {parent: [] for parent in parents}
        if not found:
            return found
        known = [parent for parent in found if parent is not None]
        under: sa.ColumnElement[bool] = MESSAGE.parent_id.in_(known)
        if None in found:
            under = sa.or_(under, sa.and_(MESSAGE.parent_id.is_(None), MESSAGE.chat_id == chat_id))
        query = sa.select(MESSAGE.id, MESSAGE.parent_id).where(MESSAGE.user_id == user_id, under).order_by(MESSAGE.seq)
        for row in self.connection.execute(query):
            found[row.parent_id].append(row.id)
        return found
