"""Files of messages. A row belongs to one message, or to none before it is sent; the bytes are files by hash."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from api.domain.attachments import KINDS
from api.models.base import Base, default_now, one_of

UNSENT = text("message_id IS NULL")


class Attachment(Base):
    """Goes with its message, and so with the branch, the chat and the account."""

    __tablename__ = "attachments"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(String(150))
    kind: Mapped[str] = mapped_column(String(10))
    mime: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    text_digest: Mapped[str | None] = mapped_column(String(64))
    text_size: Mapped[int | None]
    chars: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        one_of("kind", KINDS),
        ForeignKeyConstraint(("user_id", "message_id"), ("messages.user_id", "messages.id"), ondelete="CASCADE"),
        Index("ix_attachments_user_id_message_id", "user_id", "message_id"),
        Index("ix_attachments_digest", "digest"),
        Index("ix_attachments_text_digest", "text_digest"),
        Index("ix_attachments_created_at", "created_at", sqlite_where=UNSENT, postgresql_where=UNSENT),
    )
