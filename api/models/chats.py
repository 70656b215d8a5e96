"""Chats and their messages: a tree, one row a message, never a chat in one blob.

Keys start with `user_id`: every query names the owner, and the tables can be spread by it.
"""

from __future__ import annotations

from sqlalchemy import Boolean, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text, Uuid, text

from api.models.base import METADATA, Json, column, one_of, optional, stamp

ROLES = ("system", "user", "assistant", "tool")
STATUSES = ("queued", "running", "complete", "stopped", "length", "filtered", "interrupted", "error")

CHATS = Table(
    "chats",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    column("number", Integer),
    column("slug", String(50)),
    column("title", String(200)),
    column("titled_by", String(10), server_default="default"),
    optional("model_config_id", Uuid),
    optional("model", String(200)),
    optional("prompt_id", Uuid),
    column("parameters", Json, server_default=text("'{}'")),
    optional("plan", Json),  # planner, answerer, review
    optional("head_id", Uuid),  # the leaf shown
    column("last_seq", Integer, server_default=text("0")),
    column("pinned", Boolean, server_default=text("false")),
    column("archived", Boolean, server_default=text("false")),
    column("temporary", Boolean, server_default=text("false")),
    optional("folder", String(100)),
    column("tags", Json, server_default=text("'[]'")),
    stamp("created_at"),
    stamp("updated_at"),
    one_of("titled_by", ("default", "words", "model", "user")),
    Index("uq_chats_user_id_number", "user_id", "number", unique=True),
    Index("uq_chats_user_id_slug", "user_id", "slug", unique=True),
    Index("ix_chats_user_id_updated_at_id", "user_id", "updated_at", "id"),
)

MESSAGES = Table(
    "messages",
    METADATA,
    column("user_id", Uuid, primary_key=True),
    column("id", Uuid, primary_key=True),
    column("chat_id", Uuid),
    optional("parent_id", Uuid),
    column("seq", Integer),
    column("role", String(10)),
    column("kind", String(10), server_default="text"),
    column("content", Text, server_default=text("''")),
    optional("reasoning", Text),
    optional("parts", Json),
    optional("model", String(200)),
    optional("provider", String(40)),
    column("status", String(12), server_default="complete"),
    column("metadata", Json, server_default=text("'{}'")),
    stamp("created_at"),
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
