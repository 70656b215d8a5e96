"""Generations (one row a provider call, and the ledger), their events while they run, and processes that run them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, Money, default_now, one_of
from api.models.chats import STATUSES

RUNNING = text("status IN ('queued', 'running')")


class Generation(Base):
    """`chat_id` and `message_id` carry no foreign key: the ledger outlives the chat."""

    __tablename__ = "generations"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    chat_id: Mapped[UUID | None]
    message_id: Mapped[UUID | None]
    user_message_id: Mapped[UUID | None]
    api_key_id: Mapped[UUID | None]
    model_config_id: Mapped[UUID | None]
    surface: Mapped[str] = mapped_column(String(20))
    provider: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(12))
    owner: Mapped[UUID]
    stop_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_hash: Mapped[str | None] = mapped_column(String(64))
    notes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    queued_at: Mapped[dt.datetime] = default_now()
    day: Mapped[dt.date | None]  # by the account's clock when it began: under that day it counts everywhere
    first_token_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    reasoning_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    cache_write_tokens: Mapped[int | None]
    estimated: Mapped[bool] = mapped_column(server_default=text("false"))
    cost: Mapped[Decimal | None] = mapped_column(Money())
    price_source: Mapped[str | None] = mapped_column(String(40))
    finish_reason: Mapped[str | None] = mapped_column(String(20))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_detail: Mapped[str | None] = mapped_column(Text)
    event_index: Mapped[str | None] = mapped_column(Text)  # see domain/event_index.py

    __table_args__ = (
        one_of("status", STATUSES),
        Index("ix_generations_user_id_queued_at", "user_id", "queued_at"),
        Index("ix_generations_user_id_chat_id", "user_id", "chat_id", "queued_at"),
        Index("ix_generations_running", "owner", sqlite_where=RUNNING, postgresql_where=RUNNING),
        Index("uq_generations_user_id_idempotency_key", "user_id", "idempotency_key", unique=True),
    )


class GenerationEvents(Base):
    """One row a generation and flush; `payload` is a JSON array of `[kind, value]`, numbered from `first_seq`."""

    __tablename__ = "generation_events"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation_id: Mapped[UUID] = mapped_column(primary_key=True)
    first_seq: Mapped[int] = mapped_column(primary_key=True)
    last_seq: Mapped[int]
    payload: Mapped[str] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        ForeignKeyConstraint(
            ("user_id", "generation_id"), ("generations.user_id", "generations.id"), ondelete="CASCADE"
        ),
    )


class Process(Base):
    """One row a server process. `store_epoch` is the PostgreSQL start at which it took its liveness lock."""

    __tablename__ = "processes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    started_at: Mapped[dt.datetime] = default_now()
    heartbeat_at: Mapped[dt.datetime] = default_now()
    store_epoch: Mapped[str | None] = mapped_column(String(40))
