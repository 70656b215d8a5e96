"""Finding texts: titles and messages that may be hits, newest first, and what is needed to show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from api.domain.search import Query
from api.models.chats import CHATS, MESSAGES
from api.repositories.base import Repository
from api.repositories.search_index import CHAT, JOINED, MESSAGE, Position, Window, chat_filters, contains
from api.repositories.search_postgresql import OnPostgresql
from api.repositories.search_sqlite import OnSqlite


@dataclass(frozen=True, slots=True)
class Text:
    """What may be a hit: a message, or a chat's title where `message_id` is None."""

    chat_id: UUID
    chat_title: str
    message_id: UUID | None
    seq: int
    role: str | None
    model: str | None
    text: str
    at: dt.datetime


class SearchRepository(Repository):
    def titles(self, user_id: UUID, query: Query, position: Position | None, limit: int) -> list[Text]:
        """Chats at or before `position` that may be hits by their titles, newest first."""
        found = sa.select(CHAT.id, CHAT.title, CHAT.model, CHAT.updated_at).where(
            CHAT.user_id == user_id, *chat_filters(query, self.is_postgresql)
        )
        for word in query.words:
            found = found.where(contains(CHAT.title, word, self.is_postgresql))
        if query.since is not None:
            found = found.where(CHAT.updated_at >= query.since)
        if query.before is not None:
            found = found.where(CHAT.updated_at < query.before)
        if query.model is not None:
            of_model = MESSAGE.model.icontains(query.model, autoescape=True)
            said = sa.exists().where(MESSAGE.user_id == CHAT.user_id, MESSAGE.chat_id == CHAT.id, of_model)
            found = found.where(sa.or_(CHAT.model.icontains(query.model, autoescape=True), said))
        if position is not None:
            found = found.where(CHAT.id <= UUID(int=position))
        rows = self.connection.execute(found.order_by(CHAT.id.desc()).limit(limit))
        return [Text(row.id, row.title, None, 0, None, row.model, row.title, row.updated_at) for row in rows]

    def window(self, user_id: UUID, query: Query, position: Position | None, size: int) -> Window:
        """Messages at or before `position` that may be hits."""
        index = OnPostgresql if self.is_postgresql else OnSqlite
        return index(self.connection).window(user_id, query, position, size)

    def texts(self, user_id: UUID, message_ids: Collection[UUID]) -> list[Text]:
        columns = (MESSAGE.id, MESSAGE.seq, MESSAGE.role, MESSAGE.model, MESSAGE.content, MESSAGE.created_at)
        query = sa.select(*columns, CHAT.id.label("chat_id"), CHAT.title).select_from(JOINED)
        rows = self.connection.execute(query.where(MESSAGE.user_id == user_id, MESSAGE.id.in_(message_ids)))
        return [
            Text(row.chat_id, row.title, row.id, row.seq, row.role, row.model, row.content, row.created_at)
            for row in rows
        ]

    def shown(self, user_id: UUID, wanted: Sequence[Text]) -> set[UUID]:
        """Those of these messages that are on the branch which their chat shows."""
        lowest: dict[UUID, int] = {}
        for one in wanted:
            lowest[one.chat_id] = min(one.seq, lowest.get(one.chat_id, one.seq))
        if not lowest:
            return set()
        leaf = MESSAGES.join(CHATS, sa.and_(MESSAGE.user_id == CHAT.user_id, MESSAGE.id == CHAT.head_id))
        columns = (MESSAGE.id, MESSAGE.parent_id, MESSAGE.chat_id)
        heads = sa.select(*columns).select_from(leaf).where(CHAT.user_id == user_id, CHAT.id.in_(lowest))
        path = heads.cte("path", recursive=True)
        parent = MESSAGES.alias("parent")
        enough = sa.case(*((path.c.chat_id == chat, seq) for chat, seq in lowest.items()), else_=0)
        path = path.union_all(
            sa.select(parent.c.id, parent.c.parent_id, parent.c.chat_id).where(
                parent.c.user_id == user_id, parent.c.id == path.c.parent_id, parent.c.seq >= enough
            )
        )
        ids = [one.message_id for one in wanted]
        return set(self.connection.execute(sa.select(path.c.id).where(path.c.id.in_(ids))).scalars())
