"""The library of prompts; each save is a version."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now


class Prompt(Base):
    """What an account has activated stands in its preferences, so that one can be active only."""

    __tablename__ = "prompts"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(100))
    content: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default=text("''"))
    tags: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[dt.datetime] = default_now()
    updated_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        Index("uq_prompts_user_id_slug", "user_id", "slug", unique=True),
        Index("ix_prompts_shared", "shared", sqlite_where=text("shared"), postgresql_where=text("shared")),
    )


class PromptVersion(Base):
    __tablename__ = "prompt_versions"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    prompt_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    content: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default=text("''"))
    tags: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    created_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        ForeignKeyConstraint(("user_id", "prompt_id"), ("prompts.user_id", "prompts.id"), ondelete="CASCADE"),
    )
