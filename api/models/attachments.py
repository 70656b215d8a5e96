"""Files of messages. A row belongs to one message, or to none before it is sent; the bytes are files by hash."""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Uuid

from api.domain.attachments import KINDS
from api.models.base import METADATA, column, one_of, optional, partial, stamp

ATTACHMENTS = Table(
    "attachments",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    optional("message_id", Uuid),
    column("name", String(150)),
    column("kind", String(10)),
    column("mime", String(100)),
    column("size", Integer),
    column("digest", String(64)),
    optional("text_digest", String(64)),
    optional("text_size", Integer),
    optional("chars", Integer),
    optional("width", Integer),
    optional("height", Integer),
    stamp("created_at"),
    one_of("kind", KINDS),
    ForeignKeyConstraint(("user_id", "message_id"), ("messages.user_id", "messages.id"), ondelete="CASCADE"),
    Index("ix_attachments_user_id_message_id", "user_id", "message_id"),
    Index("ix_attachments_digest", "digest"),
    Index("ix_attachments_text_digest", "text_digest"),
    partial("ix_attachments_created_at", "created_at", where="message_id IS NULL"),
)
"""Goes with its message, and so with the branch, the chat and the account."""
