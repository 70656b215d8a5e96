"""What the searches of both databases share: which messages are asked for, and the windows in which an index proposes
them, newest first. `domain.search` decides which of these are hits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.domain.search import Query, beginning
from api.models.chats import CHATS, MESSAGES
from api.repositories.chats import tagged

CHAT, MESSAGE = CHATS.c, MESSAGES.c
JOINED = MESSAGES.join(CHATS, sa.and_(CHAT.user_id == MESSAGE.user_id, CHAT.id == MESSAGE.chat_id))
SEARCHED: Final = ("user", "assistant")
SCAN: Final = 2_000
"""Messages that are read at one time for words which no index knows."""
FEW: Final = 50
"""Chats that are read through instead."""
Position = int
"""Where a search goes on, in the order of its index: an entry's number within its account, or a message's id as one."""


@dataclass(frozen=True, slots=True)
class Window:
    """Messages that may be hits, newest first, and where each is; `rest` is where the next window begins, or None."""

    ids: list[UUID]
    positions: list[Position]
    rest: Position | None


def chat_filters(query: Query, is_postgresql: bool) -> Iterator[sa.ColumnElement[bool]]:
    """What a chat must be, whatever the words."""
    yield sa.not_(CHAT.temporary)
    if query.pinned is not None:
        yield CHAT.pinned if query.pinned else sa.not_(CHAT.pinned)
    if query.folder is not None:
        yield sa.func.lower(CHAT.folder) == sa.func.lower(query.folder)
    if query.tag is not None:
        yield tagged(query.tag, is_postgresql)


def contains(column: sa.ColumnElement[str], word: str, is_postgresql: bool) -> sa.ColumnElement[bool]:
    """In any case; SQLite's LIKE knows that of ASCII alone. A blank stands for whatever is between two words."""
    pattern = "%".join(_escaped(piece) for piece in word.split(" "))
    if is_postgresql:
        return column.ilike(f"%{pattern}%", escape="\\")
    cases = (pattern,) if pattern.isascii() else dict.fromkeys((pattern, pattern.upper(), pattern.title()))
    return sa.or_(*(column.like(f"%{case}%", escape="\\") for case in cases))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def starts_of(query: Query) -> list[str]:
    return [start for word in query.words if (start := beginning(word)) is not None]


class SearchIndex(ABC):
    is_postgresql = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @abstractmethod
    def window(self, user_id: UUID, query: Query, position: Position | None, size: int) -> Window:
        """Up to `size` messages at or before `position`."""

    def few(self, user_id: UUID, query: Query) -> Sequence[UUID] | None:
        """The chats that the filters leave, where they are few."""
        if query.pinned is None and query.folder is None and query.tag is None:
            return None
        left = sa.select(CHAT.id).where(CHAT.user_id == user_id, *chat_filters(query, self.is_postgresql))
        found = self.connection.execute(left.limit(FEW + 1)).scalars().all()
        return found if len(found) <= FEW else None

    def words(self, query: Query) -> list[sa.ColumnElement[bool]]:
        """What every text with these words is, and some others."""
        return [contains(MESSAGE.content, word, self.is_postgresql) for word in query.words]

    def filters(self, user_id: UUID, query: Query) -> list[sa.ColumnElement[bool]]:
        found = [MESSAGE.user_id == user_id, MESSAGE.role.in_(SEARCHED), *chat_filters(query, self.is_postgresql)]
        if query.since is not None:
            found.append(MESSAGE.created_at >= query.since)
        if query.before is not None:
            found.append(MESSAGE.created_at < query.before)
        if query.model is not None:
            found.append(MESSAGE.model.icontains(query.model, autoescape=True))
        return found

    def read(self, query: sa.Select[Any], size: int, position: Any) -> Window:
        """The rows `message_id, position` of a query; `position` makes a number of the latter."""
        rows = self.connection.execute(query.limit(size)).all()
        positions = [position(row.position) for row in rows]
        return Window([row.message_id for row in rows], positions, positions[-1] - 1 if len(rows) == size else None)

    def part(self, query: sa.Select[Any], lowest: Any, size: int, position: Any) -> Window:
        """`read` of a part of the messages, down to `lowest` (None: to the end)."""
        found = self.read(query, size, position)
        if found.rest is not None or lowest is None:
            return found
        return Window(found.ids, found.positions, position(lowest) - 1)
