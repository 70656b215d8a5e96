"""What the FastAPI demo's clients send and read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.web.openapi import OpenBody, Parameters
from api.web.schemas.accounts import Prose
from api.web.schemas.prompts import Content, Name
from api.web.shapes import Shape


class DemoMessage(OpenBody):
    message: str = Field(description="1 to MAX_MESSAGE_CHARS characters, not blank.")
    chat_id: str | None = Field(
        None, description="An id of one's own, 1 to 50 letters, digits, _ or -; empty for a new one."
    )


class ChatIdPath(Parameters):
    chat_id: str


class ActivePrompt(OpenBody):
    prompt: Content


class NewSystemPrompt(OpenBody):
    name: Name
    content: Content
    description: Prose | None = None


class SystemPromptChange(OpenBody):
    """What is given is saved as a new version; of a prompt that is not one's own, as a copy."""

    name: Name | None = None
    content: Content | None = None
    description: Prose | None = None


class PromptPath(Parameters):
    prompt_id: str = Field(description="Its slug or id.")


class DemoReply(Shape):
    success: Literal[True]
    response: str
    chat_id: str


class DemoChats(Shape):
    success: Literal[True]
    chats: dict[str, dict[str, Any]]


class DemoHistory(Shape):
    success: Literal[True]
    chat_id: str
    history: dict[str, Any]


class Done(Shape):
    success: Literal[True]
    message: str


class ActivePromptAnswer(Shape):
    prompt: str


class ActivatedText(Done):
    prompt: str


class SystemPrompts(Shape):
    success: Literal[True]
    prompts: dict[str, dict[str, Any]]


class OneSystemPrompt(Shape):
    success: Literal[True]
    prompt: dict[str, Any]


class SavedSystemPrompt(Done):
    prompt: dict[str, Any]


class CreatedSystemPrompt(SavedSystemPrompt):
    prompt_id: str
