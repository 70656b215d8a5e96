"""Queries of messages: the tree and its active path."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.chats import Message
from api.models.chats import MESSAGES
from api.repositories.base import Repository
from api.repositories.prepared import Prepared, together

MESSAGE = MESSAGES.c


def _path(depth: int | None) -> sa.CTE:
    """The rows from a leaf up to the root (or `depth` of them), as `id, depth`."""
    leaf = sa.select(MESSAGE.id, MESSAGE.parent_id, sa.literal(0).label("depth")).where(
        MESSAGE.user_id == sa.bindparam("user_id"), MESSAGE.id == sa.bindparam("leaf_id")
    )
    path = leaf.cte("path", recursive=True)
    parent = MESSAGES.alias("parent")
    step = sa.select(parent.c.id, parent.c.parent_id, path.c.depth + 1).where(
        parent.c.user_id == sa.bindparam("user_id"), parent.c.id == path.c.parent_id
    )
    if depth is not None:
        step = step.where(path.c.depth + 1 < depth)
    return path.union_all(step)


def _branch() -> sa.CTE:
    """The ids of a message and of all below it."""
    owned = MESSAGE.user_id == sa.bindparam("user_id")
    branch = sa.select(MESSAGE.id).where(owned, MESSAGE.id == sa.bindparam("top_id")).cte("branch", recursive=True)
    child = MESSAGES.alias("child")
    return branch.union_all(
        sa.select(child.c.id).where(child.c.user_id == sa.bindparam("user_id"), child.c.parent_id == branch.c.id)
    )


def _messages(path: sa.CTE) -> sa.Select[Any]:
    joined = MESSAGES.join(path, sa.and_(MESSAGE.id == path.c.id, MESSAGE.user_id == sa.bindparam("user_id")))
    return sa.select(MESSAGES).select_from(joined).order_by(path.c.depth.desc())


@functools.lru_cache(maxsize=256)
def _newest(depth: int) -> sa.Select[Any]:
    return _messages(_path(depth))


_WHOLE = _path(None)
WHOLE_PATH = _messages(_WHOLE)
PATH_IDS = sa.select(_WHOLE.c.id).order_by(_WHOLE.c.depth.desc())
SAID_AFTER = Prepared(
    sa.select(MESSAGES)
    .where(
        MESSAGE.user_id == sa.bindparam("k_user_id"),
        MESSAGE.chat_id == sa.bindparam("k_chat_id"),
        MESSAGE.seq > sa.bindparam("k_seq"),
    )
    .order_by(MESSAGE.seq)
    .limit(sa.bindparam("k_limit", type_=sa.Integer()))
)
_BRANCH = _branch()
BRANCH = sa.select(_BRANCH.c.id)
NEWEST_BELOW = (
    sa.select(MESSAGE.id)
    .where(MESSAGE.user_id == sa.bindparam("user_id"), MESSAGE.id.in_(sa.select(_BRANCH.c.id)))
    .order_by(MESSAGE.seq.desc())
    .limit(1)
)
DELETE_BRANCH = sa.delete(MESSAGES).where(
    MESSAGE.user_id == sa.bindparam("user_id"), MESSAGE.id.in_(sa.select(_BRANCH.c.id))
)
COLUMNS = tuple(name for name in Message.__dataclass_fields__ if name != "sibling_ids")
VALUES = operator.attrgetter(*COLUMNS)
INSERT = Prepared(sa.insert(MESSAGES), *COLUMNS)
BY_KEY = Prepared(
    sa.select(MESSAGES).where(MESSAGE.user_id == sa.bindparam("k_user_id"), MESSAGE.id == sa.bindparam("k_id"))
)
CONTEXT = Prepared(
    sa.select(MESSAGE.role, MESSAGE.content, MESSAGE.kind, MESSAGE.parts)
    .select_from(MESSAGES.join(_WHOLE, sa.and_(MESSAGE.id == _WHOLE.c.id, MESSAGE.user_id == sa.bindparam("user_id"))))
    .order_by(_WHOLE.c.depth.desc())
)


def row_of(message: Message) -> dict[str, Any]:
    """The columns of a message."""
    return dict(zip(COLUMNS, VALUES(message), strict=True))


class MessageRepository(Repository):
    def add(self, messages: Sequence[Message]) -> None:
        if messages:
            together(self.connection, *((INSERT, row_of(message)) for message in messages))

    def get_owned(self, message_id: UUID, user_id: UUID) -> Message | None:
        return BY_KEY.record(self.connection, {"k_user_id": user_id, "k_id": message_id}, Message)

    def exists_in(self, user_id: UUID, chat_id: UUID, message_id: UUID) -> bool:
        query = sa.select(sa.literal(1)).where(
            MESSAGE.user_id == user_id, MESSAGE.id == message_id, MESSAGE.chat_id == chat_id
        )
        return self.connection.execute(query).first() is not None

    def whole_path(self, user_id: UUID, leaf_id: UUID | None) -> list[Message]:
        """From the root down to the leaf."""
        rows = self.connection.execute(WHOLE_PATH, {"user_id": user_id, "leaf_id": leaf_id}).mappings()
        return [Message(**row) for row in rows]

    def path_ids(self, user_id: UUID, leaf_id: UUID | None) -> list[UUID]:
        """The ids from the root down to the leaf."""
        return list(self.connection.execute(PATH_IDS, {"user_id": user_id, "leaf_id": leaf_id}).scalars())

    def some(self, user_id: UUID, ids: Sequence[UUID]) -> list[Message]:
        """Those of these ids that are there, in that order."""
        query = sa.select(MESSAGES).where(MESSAGE.user_id == user_id, MESSAGE.id.in_(ids))
        found = {row["id"]: Message(**row) for row in self.connection.execute(query).mappings()}
        return [found[one] for one in ids if one in found]

    def said_after(self, user_id: UUID, chat_id: UUID, seq: int, limit: int) -> list[Message]:
        """A chat's messages of all branches, in the order in which they were said, from just behind `seq`."""
        values = {"k_user_id": user_id, "k_chat_id": chat_id, "k_seq": seq, "k_limit": limit}
        return SAID_AFTER.records(self.connection, values, Message)

    def branch(self, user_id: UUID, top_id: UUID) -> set[UUID]:
        """The ids of a message and of all below it."""
        return set(self.connection.execute(BRANCH, {"user_id": user_id, "top_id": top_id}).scalars())

    def newest_below(self, user_id: UUID, top_id: UUID) -> UUID | None:
        """The message of a branch that was said last: always a leaf. None when the branch has gone."""
        newest: UUID | None = self.connection.execute(NEWEST_BELOW, {"user_id": user_id, "top_id": top_id}).scalar()
        return newest

    def delete(self, user_id: UUID, top_id: UUID) -> None:
        """Remove a message and all below it."""
        self.connection.execute(DELETE_BRANCH, {"user_id": user_id, "top_id": top_id})

    def delete_all(self, user_id: UUID, chat_id: UUID) -> None:
        self.connection.execute(sa.delete(MESSAGES).where(MESSAGE.user_id == user_id, MESSAGE.chat_id == chat_id))

    def set_metadata(self, user_id: UUID, message_id: UUID, metadata: dict[str, Any]) -> None:
        found = (MESSAGE.user_id == user_id, MESSAGE.id == message_id)
        self.connection.execute(sa.update(MESSAGES).where(*found).values(metadata=metadata))

    def has_children(self, user_id: UUID, message_id: UUID) -> bool:
        query = sa.select(sa.literal(1)).where(MESSAGE.user_id == user_id, MESSAGE.parent_id == message_id).limit(1)
        return self.connection.execute(query).first() is not None

    def context(self, user_id: UUID, leaf_id: UUID | None) -> list[tuple[str, str, str, Any]]:
        """Role, content, kind and parts from the root down to the leaf."""
        if leaf_id is None:
            return []
        return CONTEXT.rows(self.connection, {"user_id": user_id, "leaf_id": leaf_id})

    def path(self, user_id: UUID, leaf_id: UUID | None, limit: int) -> list[Message]:
        """The newest `limit` messages of the path that ends in the leaf, oldest first, with their siblings' ids."""
        if leaf_id is None:
            return []
        rows = self.connection.execute(_newest(limit), {"user_id": user_id, "leaf_id": leaf_id})
        found = [dict(row) for row in rows.mappings()]
        return self._beside_siblings(user_id, found)

    def shown(self, user_id: UUID, ids: Sequence[UUID]) -> list[Message]:
        """Those of these messages of one chat that are there, in this order, with their siblings' ids."""
        rows = self.connection.execute(sa.select(MESSAGES).where(MESSAGE.user_id == user_id, MESSAGE.id.in_(ids)))
        found = {row["id"]: dict(row) for row in rows.mappings()}
        return self._beside_siblings(user_id, [found[one] for one in ids if one in found])

    def _beside_siblings(self, user_id: UUID, found: list[dict[str, Any]]) -> list[Message]:
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
