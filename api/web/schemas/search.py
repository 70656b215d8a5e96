"""Search results as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from uuid import UUID

from pydantic import Field

from api.web.openapi import Parameters
from api.web.shapes import Shape


class SearchQuery(Parameters):
    q: str = Field(
        max_length=500,
        description='Words that must all be there, `"…"` around those that stand together, and filters: `in:title`, '
        '`in:messages`, `before:2026-01-31`, `after:2026`, `model:gpt`, `pinned:true`, `folder:"…"`, `tag:"…"`.',
    )
    limit: int = Field(20, ge=1, le=50)
    cursor: str | None = Field(None, max_length=200)


class HitAnswer(Shape):
    """A message, or a chat by its title (`message_id` is null)."""

    kind: Literal["chat", "message"]
    chat_id: UUID
    chat_title: str
    message_id: UUID | None
    role: str | None
    model: str | None
    snippet: str = Field(description="HTML: escaped text, with what was found in `<mark>`.")
    is_shown: bool = Field(description="False: `PUT /chats/{id}/head` with the message shows its branch.")
    at: dt.datetime = Field(description="When the message was said; when the chat was last changed.")


class HitsAnswer(Shape):
    items: list[HitAnswer]
    next_cursor: str | None = Field(description="Asks for more, also where this page is short; null at the end.")
    notes: list[str] = Field(description="What of the query was left out, and what it would take.")
