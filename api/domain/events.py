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
    """A whole tool call; `arguments` is JSON as the model wrote it.

    `signature` is the provider's seal on it, if it gave one: it must come back with the call in the next turn.
    """

    id: str
    name: str
    arguments: str
    signature: str = ""


class TokenProb(msgspec.Struct, frozen=True):
    """How probable a token was, as the logarithm, and the likeliest ones at its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Logprobs(msgspec.Struct, frozen=True):
    """Of the text that has just arrived."""

    tokens: tuple[TokenProb, ...]


class ProviderPart(msgspec.Struct, frozen=True):
    """A piece of a reply that only its own provider can read, such as signed thoughts: `data` is that piece as JSON.

    Kept as it is, it goes back as a part of the assistant's turn. Other wires, and other models, leave it out.
    """

    wire: str
    model: str
    data: str


class RawChunk(msgspec.Struct, frozen=True):
    """The provider's own event as it came, as JSON, beside what it was read as. Only for who asked for it
    (`CompletionRequest.raw`): clients of the same protocol, which get all that it holds. `whole`: all of an answer
    that was not streamed."""

    data: str
    whole: bool = False


class Note(msgspec.Struct, frozen=True):
    """What the user should know about how the request was carried out; no part of the reply."""

    text: str


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the provider counted them; None where it said nothing. `estimated` marks our own count.

    `prompt_tokens` includes those read from a cache (`cached_tokens`) and written to it (`cache_write_tokens`);
    `completion_tokens` includes `reasoning_tokens`.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    estimated: bool = False
    cache_write_tokens: int | None = None


class Finish(msgspec.Struct, frozen=True):
    """The provider said that it has ended, and why. Its absence at the end of the bytes means: cut."""

    reason: FinishReason


ProviderEvent = TextDelta | ReasoningDelta | ToolCall | Logprobs | ProviderPart | RawChunk | Note | Usage | Finish
