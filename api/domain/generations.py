"""A generation: one provider call, from its acknowledgement to its typed end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from api.domain import clock
from api.domain.chats import Message
from api.domain.model_configs import ModelConfig
from api.domain.principal import Principal

ACTIVE = ("queued", "running")
ENDED = ("complete", "stopped", "length", "filtered", "interrupted", "error")


@dataclass(frozen=True, slots=True)
class Generation:
    user_id: UUID
    id: UUID
    chat_id: UUID | None
    message_id: UUID | None
    user_message_id: UUID | None
    model_config_id: UUID | None
    surface: str
    provider: str
    model: str
    status: str
    owner: UUID
    stop_requested: bool
    idempotency_key: str | None
    request_hash: str | None
    notes: dict[str, Any]
    queued_at: dt.datetime
    first_token_at: dt.datetime | None
    finished_at: dt.datetime | None
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    estimated: bool
    cost: Decimal | None
    price_source: str | None
    finish_reason: str | None
    error_code: str | None
    error_detail: str | None
    event_index: str | None

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


def queued(
    principal: Principal,
    generation_id: UUID,
    *,
    owner: UUID,
    surface: str,
    provider: str,
    model: str,
    config: ModelConfig | None = None,
    api_key_id: UUID | None = None,
    notes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The ledger's row of a call that begins now, outside of any chat."""
    return {
        "user_id": principal.user_id,
        "id": generation_id,
        "chat_id": None,
        "api_key_id": api_key_id,
        "model_config_id": config.id if config else None,
        "surface": surface,
        "provider": provider,
        "model": model,
        "status": "queued",
        "notes": {} if notes is None else notes,
        "queued_at": clock.now(),
        "day": principal.today(),
        "owner": owner,
    }


@dataclass(frozen=True, slots=True)
class Sequel:
    """A reply that begins in the transaction in which another ends: its empty message and its row of the ledger."""

    message: Message
    row: Mapping[str, Any]

    @property
    def generation_id(self) -> UUID:
        found: UUID = self.row["id"]
        return found


@dataclass(frozen=True, slots=True)
class Closing:
    """What the closing transaction stores: the end of a generation and of its message."""

    user_id: UUID
    generation_id: UUID
    message_id: UUID | None
    owner: UUID
    status: str
    content: str
    reasoning: str | None
    metadata: dict[str, Any]
    notes: dict[str, Any]
    event_index: str | None  # None for what nobody stores
    first_token_at: dt.datetime | None
    finished_at: dt.datetime
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    estimated: bool = False
    cost: Decimal | None = None
    price_source: str | None = None
    finish_reason: str | None = None
    error_code: str | None = None
    error_detail: str | None = None
    parts: list[Any] | None = None  # of the message, see domain/sealed.py
    sequel: Sequel | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A generation that has ended, as usage counts it: the closing, and what the ledger held before."""

    KEPT: ClassVar[tuple[str, ...]] = ("day", "provider", "model", "surface", "api_key_id", "queued_at")

    closing: Closing
    day: dt.date
    provider: str
    model: str
    surface: str
    api_key_id: UUID | None
    queued_at: dt.datetime
