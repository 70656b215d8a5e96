"""What is checked of OpenAI's requests before they are passed on: only what we read ourselves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.web.openapi import Body
from api.web.shapes import Shape


class CompletionBody(Body):
    """A chat completion request; parameters that are not named here go to the provider as they are."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        description="A config's name, provider/model, or a "
        "model's name that only one configured provider has; without it, the default.",
    )
    messages: list[dict[str, Any]] = Field(min_length=1)
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int | None = Field(None, ge=1, le=128)
    stop: str | list[str] | None = None
    seed: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None

    def given(self) -> dict[str, Any]:
        """The request as it came, without parameters that are null."""
        return {name: value for name in self.model_fields_set if (value := getattr(self, name)) is not None}


class CompletionAnswer(Shape):
    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any] | None = None
