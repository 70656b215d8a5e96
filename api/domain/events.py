"""What a provider's answer is made of, whatever its wire. Decoders make these; the live log numbers them."""

from __future__ import annotations

from typing import Literal

import msgspec

FinishReason = Literal["stop", "length", "filtered", "tool_calls"]


class TextDelta(msgspec.Struct, frozen=True):
    """More of the reply's text."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    """More of what the model thought before it answered."""

    text: str


class ToolCall(msgspec.Struct, frozen=True):
    """A whole tool call; `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the provider counted them; None where it said nothing. `estimated` marks our own count."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    estimated: bool = False


class Finish(msgspec.Struct, frozen=True):
    """The provider said that it has ended, and why. Its absence at the end of the bytes means: cut."""

    reason: FinishReason


ProviderEvent = TextDelta | ReasoningDelta | ToolCall | Usage | Finish
