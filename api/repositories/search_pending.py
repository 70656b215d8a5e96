"""What was said and is not in SQLite's index yet. PostgreSQL's indexes put such things off by themselves."""

from __future__ import annotations

import sqlalchemy as sa

from api.models.chats import MESSAGES
from api.repositories.base import Repository
from api.repositories.search_index import MESSAGE

PENDING = sa.table(
    "search_pending", sa.column("number", sa.Integer), sa.column("user_id", sa.Uuid), sa.column("message_id", sa.Uuid)
)
NUMBER = PENDING.c.number
SAID = PENDING.outerjoin(MESSAGES, sa.and_(MESSAGE.user_id == PENDING.c.user_id, MESSAGE.id == PENDING.c.message_id))
SIZES = sa.select(NUMBER, sa.func.length(MESSAGE.content).label("chars")).select_from(SAID).order_by(NUMBER)


class SearchPendingRepository(Repository):
    def newest(self) -> int | None:
        """The number of what was noted last; None where nothing is pending, as ever on PostgreSQL."""
        return None if self.is_postgresql else self.connection.execute(sa.select(sa.func.max(NUMBER))).scalar()

    def has(self, count: int, up_to: int | None = None) -> bool:
        """Whether so many are pending, of those up to a number; never on PostgreSQL."""
        if self.is_postgresql:
            return False
        wanted = sa.select(NUMBER) if up_to is None else sa.select(NUMBER).where(up_to >= NUMBER)
        return self.connection.execute(wanted.limit(1).offset(count - 1)).first() is not None

    def index(self, messages: int, chars: int) -> None:
        """Index the oldest: so many messages, fewer where they are long."""
        last, size = 0, 0
        rows = self.connection.execute(SIZES.limit(messages))
        for row in rows:  # one by one: `chars` reads the text
            last, size = row.number, size + (row.chars or 0)
            if size >= chars:
                break
        rows.close()
        self.connection.execute(sa.delete(PENDING).where(last >= NUMBER))  # a trigger indexes them
