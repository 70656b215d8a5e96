"""Messages as they are sent, and generations as they are shown."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.web.openapi import Body, Parameters
from api.web.schemas.accounts import Prose
from api.web.schemas.chats import MaxTokens, MessageAnswer, ModelName, Share, Temperature, Title
from api.web.shapes import Shape

Content = Annotated[str, Field(description="1 to MAX_MESSAGE_CHARS characters, not blank.")]


class Wished(Body):
    """`Accept: text/event-stream` streams; `Prefer: respond-async` answers 202 at once; else 201 at the reply's end."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    model: ModelName | None = None
    model_config_id: UUID | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    max_tokens: MaxTokens | None = None
    prompt_id: UUID | None = Field(None, description="The system prompt of this one reply.")


Attachments = Annotated[list[str], Field(max_length=100, description="Ids of files, from `POST /attachments`.")]


class NewMessage(Wished):
    content: Content
    attachments: Attachments | None = None
    parent_id: str | None = Field(None, description="The message that is answered; the end of what is shown if none.")


class EditedMessage(Wished):
    content: Content
    attachments: Attachments | None = Field(None, description="Ids of files; without it the old message's go along.")


class Comparison(Wished):
    """`model` and `model_config_id` are not for here: `models` says which."""

    model: None = None
    model_config_id: None = None
    content: Content
    attachments: Attachments | None = None
    parent_id: str | None = None
    models: Annotated[list[ModelName], Field(min_length=2, max_length=4)]


class ShownBranch(Body):
    message_id: str = Field(description="Any message of the branch; it is shown down to what was said last.")
    expected_head_id: UUID | None = Field(None, description="409 where the chat's `head_id` is another by now.")


class Fork(Body):
    message_id: str | None = Field(None, description="The last message of the copy; the end of what is shown if none.")
    title: Title | None = None


class Feedback(Body):
    """Null takes the rating back."""

    rating: Literal["up", "down"] | None
    comment: Annotated[Prose, StringConstraints(max_length=2000)] | None = None


class GenerationAnswer(Shape):
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
    cache_write_tokens: int | None
    estimated: bool
    cost: str | None = Field(description="US dollars, exact; null where the price is unknown.")
    price_source: str | None
    finish_reason: str | None
    error_code: str | None
    error_detail: str | None


class SentAnswer(Shape):
    """`plan` is what the message follows, where one request asked for both."""

    generation: dict[str, Any] | None = Field(description="Null for a plan that its user has edited.")
    user_message: MessageAnswer
    plan: MessageAnswer | None
    message: MessageAnswer


class Reply(Shape):
    generation: dict[str, Any]
    message: MessageAnswer


class ComparedAnswer(Shape):
    user_message: MessageAnswer
    replies: list[Reply]


class EventsQuery(Parameters):
    after: int = Field(
        0,
        ge=0,
        le=2**31,
        description="The number of the last event already known; a comparison's place goes in `Last-Event-ID` alone.",
    )
