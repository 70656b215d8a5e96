"""Slash commands as JSON."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.web.openapi import Body
from api.web.schemas.chats import ChatAnswer
from api.web.schemas.images import ImageAnswer
from api.web.shapes import Shape


class CommandLine(Body):
    text: str = Field(max_length=20_000, description="What was typed, with its slash.")


class CommandAnswer(Shape):
    name: str
    arguments: str
    description: str
    takes: Literal["models", "prompts"] | None = Field(description="What the arguments name; null: nothing listed.")


class CommandsAnswer(Shape):
    items: list[CommandAnswer]


class OutcomeAnswer(Shape):
    """`send` is set where the line was no command: that text is to be sent as a message. `download` is the path of a
    file to fetch."""

    command: str | None
    text: str
    items: list[str]
    chat: ChatAnswer | None
    generations: list[dict[str, Any]]
    send: str | None
    images: list[ImageAnswer] = Field([])
    download: str | None
