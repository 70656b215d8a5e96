"""How a user reaches a model: provider, key (encrypted), address and defaults."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now


class ModelConfig(Base):
    __tablename__ = "model_configs"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    provider: Mapped[str] = mapped_column(String(40))
    base_url: Mapped[str | None] = mapped_column(String(500))
    api_key_encrypted: Mapped[str | None] = mapped_column(Text)
    key_origin: Mapped[str | None] = mapped_column(Text)  # the only one that the key may be sent to
    model: Mapped[str | None] = mapped_column(String(200))
    system_prompt: Mapped[str | None] = mapped_column(Text)
    temperature: Mapped[float | None]
    top_p: Mapped[float | None]
    max_tokens: Mapped[int | None]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    shared: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[dt.datetime] = default_now()
    updated_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        Index("uq_model_configs_user_id_name", "user_id", "name", unique=True),
        Index(
            "uq_model_configs_default",
            "user_id",
            "provider",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
        Index("ix_model_configs_shared", "shared", sqlite_where=text("shared"), postgresql_where=text("shared")),
    )
