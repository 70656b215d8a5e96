"""The library of prompts; each save is a version."""

from __future__ import annotations

from sqlalchemy import Boolean, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text, Uuid, text

from api.models.base import METADATA, Json, column, partial, stamp

PROMPTS = Table(
    "prompts",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    column("name", String(100)),
    column("slug", String(100)),
    column("content", Text),
    column("description", Text, server_default=text("''")),
    column("tags", Json, server_default=text("'[]'")),
    column("shared", Boolean, server_default=text("false")),
    column("version", Integer, server_default=text("1")),
    stamp("created_at"),
    stamp("updated_at"),
    Index("uq_prompts_user_id_slug", "user_id", "slug", unique=True),
    partial("ix_prompts_shared", "shared", where="shared"),
)
"""What an account has activated stands in its preferences, so that one can be active only."""

PROMPT_VERSIONS = Table(
    "prompt_versions",
    METADATA,
    column("user_id", Uuid, primary_key=True),
    column("prompt_id", Uuid, primary_key=True),
    column("number", Integer, primary_key=True),
    column("name", String(100)),
    column("content", Text),
    column("description", Text, server_default=text("''")),
    column("tags", Json, server_default=text("'[]'")),
    stamp("created_at"),
    ForeignKeyConstraint(("user_id", "prompt_id"), ("prompts.user_id", "prompts.id"), ondelete="CASCADE"),
)
