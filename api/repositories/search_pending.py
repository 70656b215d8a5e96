"""What was said and is not in SQLite's index yet. PostgreSQL's indexes put such things off by themselves."""

from __future__ import annotations

import sqlalchemy as sa

from api.models.chats import MESSAGES
from api.repositories.base import Repository
from api.repositories.search_index import MESSAGE, PENDING

NUMBER = PENDING.c.number
SAID = PENDING.outerjoin(MESSAGES, sa.and_(MESSAGE.user_id == PENDING.c.user_id, MESSAGE.id == PENDING.c.message_id))
SIZES = sa.select(NUMBER, sa.func.length(MESSAGE.content).label("chars")).select_from(SAID).order_by(NUMBER)


class SearchPendingRepository(Repository):
    def has(self, count: int) -> bool:
        """Whether there are so many."""
        return self.connection.execute(sa.select(NUMBER).limit(1).offset(count - 1)).first() is not None

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
