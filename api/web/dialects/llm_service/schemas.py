"""What the LLM service's clients send and read."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.web.openapi import OpenBody, Parameters
from api.web.schemas.chats import ModelName, Temperature
from api.web.shapes import Shape


class ProviderSettings(OpenBody):
    """Without `apiKey`, or with the masked one that was read, the stored key stays."""

    apiKey: Annotated[str, Field(max_length=4000)] | None = Field(None, description="Write only.")
    model: ModelName | None = None
    temperature: Temperature | None = None
    maxTokens: Annotated[int, Field(ge=1, le=32_000)] | None = None


class PastLine(OpenBody):
    role: Literal["user", "assistant", "system"]
    content: str


class ProviderMessage(OpenBody):
    message: str = Field(description="1 to MAX_MESSAGE_CHARS characters, not blank.")
    history: Annotated[list[PastLine], Field(max_length=10_000)] | None = Field(
        None, description="The context of this call, in place of what is stored; `system` lines are its system prompt."
    )

    def said(self) -> tuple[tuple[str, str], ...] | None:
        """Role and text of the turns before this message; None where what is stored is meant."""
        return None if self.history is None else tuple(one for one in self._lines() if one[0] != "system")

    def system(self) -> str | None:
        return "\n\n".join(text for role, text in self._lines() if role == "system" and text.strip()) or None

    def _lines(self) -> list[tuple[str, str]]:
        return [(one.role, one.content) for one in self.history or ()]


class ProviderPath(Parameters):
    provider: str


class HistoryQuery(Parameters):
    model_config = ConfigDict(extra="ignore")

    limit: int = Field(50, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=2**31 - 1)


class ConfigsAnswer(Shape):
    configs: dict[str, dict[str, Any]] = Field(description="model, temperature, maxTokens, apiKey (masked).")


class SuccessAnswer(Shape):
    success: Literal[True]
    message: str


class ReplyAnswer(Shape):
    response: str
    tokensUsed: int | None
    model: str


class StoredLine(Shape):
    id: int
    role: str
    content: str
    tokensUsed: int | None
    createdAt: dt.datetime


class HistoryAnswer(Shape):
    history: list[StoredLine]
    total: int
