"""Queries of messages' files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import asdict
from uuid import UUID

import sqlalchemy as sa

from api.domain.attachments import Attachment
from api.models.attachments import ATTACHMENTS
from api.models.chats import CHATS, MESSAGES
from api.repositories.base import Repository

FILE, MESSAGE, CHAT = ATTACHMENTS.c, MESSAGES.c, CHATS.c


class AttachmentRepository(Repository):
    def add(self, files: Sequence[Attachment]) -> None:
        if files:
            self.connection.execute(sa.insert(ATTACHMENTS), [asdict(file) for file in files])

    def get_owned(self, attachment_id: UUID, user_id: UUID) -> Attachment | None:
        return self.some(user_id, [attachment_id]).get(attachment_id)

    def some(self, user_id: UUID, ids: Collection[UUID], *, hold: bool = False) -> dict[UUID, Attachment]:
        """Those of the ids that are this user's. `hold`: kept from changing until the transaction ends."""
        query = sa.select(ATTACHMENTS).where(FILE.user_id == user_id, FILE.id.in_(ids)).order_by(FILE.id)
        rows = self.connection.execute(query.with_for_update() if hold else query)
        return {row["id"]: Attachment(**row) for row in rows.mappings()}

    def sent_after(self, user_id: UUID, after: UUID | None, limit: int) -> list[Attachment]:
        """Those of messages of chats that are kept, by id, from just behind the given one."""
        query = (
            sa.select(ATTACHMENTS)
            .join(MESSAGES, sa.and_(MESSAGE.user_id == FILE.user_id, MESSAGE.id == FILE.message_id))
            .join(CHATS, sa.and_(CHAT.user_id == MESSAGE.user_id, CHAT.id == MESSAGE.chat_id))
            .where(FILE.user_id == user_id, sa.not_(CHAT.temporary))
        )
        if after is not None:
            query = query.where(FILE.id > after)
        rows = self.connection.execute(query.order_by(FILE.id).limit(limit)).mappings()
        return [Attachment(**row) for row in rows]

    def send(self, user_id: UUID, ids: Collection[UUID], message_id: UUID) -> None:
        """They are the message's from now on."""
        mine = (FILE.user_id == user_id, FILE.id.in_(ids), FILE.message_id.is_(None))
        self.connection.execute(sa.update(ATTACHMENTS).where(*mine).values(message_id=message_id))

    def delete_unsent(self, user_id: UUID, attachment_id: UUID) -> bool:
        mine = (FILE.user_id == user_id, FILE.id == attachment_id, FILE.message_id.is_(None))
        return self.changed(sa.delete(ATTACHMENTS).where(*mine)) == 1

    def stored_bytes(self, user_id: UUID, besides: str) -> int:
        """What a user's files take on the disk besides those bytes: equal ones count once."""
        mine = (FILE.user_id == user_id, FILE.digest != besides)
        each = sa.select(FILE.digest, FILE.size).where(*mine).distinct().subquery()
        total: int = self.connection.execute(sa.select(sa.func.coalesce(sa.func.sum(each.c.size), 0))).scalar_one()
        return total

    def prune(self, before: dt.datetime, limit: int) -> int:
        """Remove those that were never sent since then; how many."""
        old = sa.select(FILE.user_id, FILE.id).where(FILE.message_id.is_(None), FILE.created_at < before).limit(limit)
        return self.changed(sa.delete(ATTACHMENTS).where(sa.tuple_(FILE.user_id, FILE.id).in_(old)))

    def named(self, digests: Collection[str]) -> set[str]:
        """Those of the digests that a row names."""
        found = (sa.select(column).where(column.in_(digests)) for column in (FILE.digest, FILE.text_digest))
        return set(self.connection.execute(sa.union(*found)).scalars())
