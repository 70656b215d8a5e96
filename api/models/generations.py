"""Generations (one row a provider call, and the ledger), their events while they run, and processes that run them."""

from __future__ import annotations

from sqlalchemy import Boolean, Date, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text, Uuid, text

from api.models.base import METADATA, Json, Money, UtcDateTime, column, one_of, optional, partial, stamp
from api.models.chats import STATUSES

GENERATIONS = Table(
    "generations",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    optional("chat_id", Uuid),
    optional("message_id", Uuid),
    optional("user_message_id", Uuid),
    optional("api_key_id", Uuid),
    optional("model_config_id", Uuid),
    column("surface", String(20)),
    column("provider", String(40)),
    column("model", String(200)),
    column("status", String(12)),
    column("owner", Uuid),
    column("stop_requested", Boolean, server_default=text("false")),
    optional("idempotency_key", String(255)),
    optional("request_hash", String(64)),
    column("notes", Json, server_default=text("'{}'")),
    stamp("queued_at"),
    optional("day", Date),  # by the account's clock when it began: under that day it counts everywhere
    optional("first_token_at", UtcDateTime),
    optional("finished_at", UtcDateTime),
    optional("prompt_tokens", Integer),
    optional("completion_tokens", Integer),
    optional("reasoning_tokens", Integer),
    optional("cached_tokens", Integer),
    optional("cache_write_tokens", Integer),
    column("estimated", Boolean, server_default=text("false")),
    optional("cost", Money),
    optional("price_source", String(40)),
    optional("finish_reason", String(20)),
    optional("error_code", String(40)),
    optional("error_detail", Text),
    optional("event_index", Text),  # see domain/event_index.py
    one_of("status", STATUSES),
    Index("ix_generations_user_id_queued_at", "user_id", "queued_at"),
    Index("ix_generations_user_id_chat_id", "user_id", "chat_id", "queued_at"),
    partial("ix_generations_running", "owner", where="status IN ('queued', 'running')"),
    Index("uq_generations_user_id_idempotency_key", "user_id", "idempotency_key", unique=True),
)
"""`chat_id` and `message_id` carry no foreign key: the ledger outlives the chat."""

GENERATION_EVENTS = Table(
    "generation_events",
    METADATA,
    column("user_id", Uuid, primary_key=True),
    column("generation_id", Uuid, primary_key=True),
    column("first_seq", Integer, primary_key=True),
    column("last_seq", Integer),
    column("payload", Text),
    stamp("created_at"),
    ForeignKeyConstraint(("user_id", "generation_id"), ("generations.user_id", "generations.id"), ondelete="CASCADE"),
)
"""One row a generation and flush; `payload` is a JSON array of `[kind, value]`, numbered from `first_seq`."""

PROCESSES = Table(
    "processes",
    METADATA,
    column("id", Uuid, primary_key=True),
    stamp("started_at"),
    stamp("heartbeat_at"),
    optional("store_epoch", String(40)),
)
"""One row a server process. `store_epoch` is the PostgreSQL start at which it took its liveness lock."""
