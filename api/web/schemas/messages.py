"""Messages as they are sent, and generations as they are shown."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.web.openapi import Body, Parameters
from api.web.schemas.chats import MaxTokens, MessageAnswer, ModelName, Share, Temperature


class NewMessage(Body):
    """`Accept: text/event-stream` streams; `Prefer: respond-async` answers 202 at once; else 201 at the reply's end."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    content: str = Field(description="1 to MAX_MESSAGE_CHARS characters, not blank.")
    parent_id: str | None = None
    model: ModelName | None = None
    model_config_id: UUID | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    max_tokens: MaxTokens | None = None


class GenerationAnswer(BaseModel):
    id: UUID
    chat_id: UUID | None
    message_id: UUID | None
    user_message_id: UUID | None
    surface: str
    provider: str
    model: str
    status: str
    stop_requested: bool
    notes: dict[str, Any]
    queued_at: dt.datetime
    first_token_at: dt.datetime | None
    finished_at: dt.datetime | None
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    estimated: bool
    cost: Decimal | None
    finish_reason: str | None
    error_code: str | None
    error_detail: str | None


class SentAnswer(BaseModel):
    generation: dict[str, Any]
    user_message: MessageAnswer
    message: MessageAnswer


class EventsQuery(Parameters):
    after: int = Field(0, ge=0, le=2**31, description="The number of the last event already known.")
