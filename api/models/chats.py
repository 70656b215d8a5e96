"""Chats and their messages: a tree, one row a message, never a chat in one blob.

Keys start with `user_id`: every query names the owner, and the tables can be spread by it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now, one_of

ROLES = ("system", "user", "assistant", "tool")
STATUSES = ("queued", "running", "complete", "stopped", "length", "filtered", "interrupted", "error")


class Chat(Base):
    __tablename__ = "chats"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int]
    slug: Mapped[str] = mapped_column(String(50))
    title: Mapped[str] = mapped_column(String(200))
    titled_by: Mapped[str] = mapped_column(String(10), server_default="default")
    model_config_id: Mapped[UUID | None]
    model: Mapped[str | None] = mapped_column(String(200))
    prompt_id: Mapped[UUID | None]
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    plan: Mapped[dict[str, Any] | None]  # planner, answerer, review
    head_id: Mapped[UUID | None]  # the leaf shown
    last_seq: Mapped[int] = mapped_column(server_default=text("0"))
    pinned: Mapped[bool] = mapped_column(server_default=text("false"))
    archived: Mapped[bool] = mapped_column(server_default=text("false"))
    temporary: Mapped[bool] = mapped_column(server_default=text("false"))
    folder: Mapped[str | None] = mapped_column(String(100))
    tags: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    created_at: Mapped[dt.datetime] = default_now()
    updated_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        one_of("titled_by", ("default", "words", "model", "user")),
        Index("uq_chats_user_id_number", "user_id", "number", unique=True),
        Index("uq_chats_user_id_slug", "user_id", "slug", unique=True),
        Index("ix_chats_user_id_updated_at_id", "user_id", "updated_at", "id"),
    )


class Message(Base):
    __tablename__ = "messages"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    chat_id: Mapped[UUID]
    parent_id: Mapped[UUID | None]
    seq: Mapped[int]
    role: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(10), server_default="text")
    content: Mapped[str] = mapped_column(Text, server_default=text("''"))
    reasoning: Mapped[str | None] = mapped_column(Text)
    parts: Mapped[list[Any] | None]
    model: Mapped[str | None] = mapped_column(String(200))
    provider: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(12), server_default="complete")
    meta: Mapped[dict[str, Any]] = mapped_column("metadata", server_default=text("'{}'"))
    created_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        one_of("role", ROLES),
        one_of("kind", ("text", "plan")),
        one_of("status", STATUSES),
        ForeignKeyConstraint(("user_id", "chat_id"), ("chats.user_id", "chats.id"), ondelete="CASCADE"),
        # deferred, so that a whole chat or branch goes in one statement
        ForeignKeyConstraint(
            ("user_id", "parent_id"),
            ("messages.user_id", "messages.id"),
            deferrable=True,
            initially="DEFERRED",
        ),
        Index("uq_messages_user_id_chat_id_seq", "user_id", "chat_id", "seq", unique=True),
        Index("ix_messages_user_id_parent_id", "user_id", "parent_id"),
    )
