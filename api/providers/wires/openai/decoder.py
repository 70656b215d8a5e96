"""One answer of an OpenAI-compatible server → events."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from api.domain.errors import ProviderUnavailable
from api.domain.events import Finish, FinishReason, ProviderPart, RawChunk, Usage
from api.domain.text import clean_text
from api.providers.assembly import PieceBuffer, ToolCallBuffer, count_of, decode_json
from api.providers.failures import from_object
from api.providers.reply import ReplyDecoder

_FINISH: Final[dict[str, FinishReason]] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
_BROKEN_OFF: Final = {"error", "insufficient_system_resource"}


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: Any = None


class _ToolPiece(msgspec.Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | list[Any] | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: list[_ToolPiece] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: Any = None
    message: Any = None
    code: Any = None


_NO_FUNCTION: Final = _Function()
_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class OpenAIDecoder(ReplyDecoder):
    """Bytes cut anywhere → events. Holds one line or one JSON answer, tool calls and what led to them: capped.

    `raw`: what comes in the form that was asked for, `streamed` or not, is told as it is too.
    """

    hint = " (it often ends in /v1)"

    def __init__(self, model: str = "", *, raw: bool = False, streamed: bool = True) -> None:
        super().__init__()
        self._model = model
        self._raw_chunks, self._raw_whole = raw and streamed, raw and not streamed
        self._tools = ToolCallBuffer()
        self._thoughts = PieceBuffer()
        self._usage: Usage | None = None

    def _payload(self, payload: bytes) -> None:
        if payload.startswith(b"[DONE]"):
            self._close()
            self.done = True
        elif payload:
            self._chunk(decode_json(_CHUNK, payload))
            if self._raw_chunks:
                self._out.add(RawChunk(payload.decode("utf-8", "replace")))

    def _whole(self, body: bytes) -> None:
        chunk = self._decode_whole(_CHUNK, body)
        self._chunk(chunk)
        if not chunk.choices:
            raise self._no_reply(body)
        if self._raw_whole:
            self._out.add(RawChunk(body.decode("utf-8", "replace"), whole=True))
        self._close()

    def _chunk(self, chunk: _Chunk) -> None:
        self._seen += 1
        if chunk.error is not None or chunk.object == "error":
            raise from_object(chunk.error or {"message": chunk.message, "code": chunk.code})
        if chunk.usage is not None:
            self._usage = _usage(chunk.usage) or self._usage
        for choice in chunk.choices or ():
            if not choice.index:
                self._choice(choice)
        if self._usage is not None and (self.finished or not chunk.choices):
            self._out.add(self._usage)
            self._usage = None

    def _choice(self, choice: _Choice) -> None:
        message = choice.delta or choice.message
        if message is not None:
            if message.reasoning_content:
                self._thoughts.take(message.reasoning_content)
                self._out.reasoning(message.reasoning_content)
            elif message.reasoning and isinstance(message.reasoning, str):
                self._out.reasoning(message.reasoning)
            if message.content:
                self._content(message.content)
            if message.refusal:
                self._out.text(message.refusal)
            for piece in message.tool_calls or ():
                call = piece.function or _NO_FUNCTION
                self._tools.take(piece.index, piece.id or "", call.name or "", call.arguments)
        if choice.finish_reason and not self.finished:
            if choice.finish_reason in _BROKEN_OFF:
                raise ProviderUnavailable("The provider broke the reply off. Try again.")
            self._finish(_FINISH.get(choice.finish_reason, "stop"))

    def _content(self, content: str | list[_Part]) -> None:
        if isinstance(content, str):
            self._out.text(content)
            return
        for part in content:
            if part.thinking:
                self._out.reasoning(_flat(part.thinking))
            if part.text:
                self._out.text(part.text)

    def _finish(self, reason: FinishReason) -> None:
        self.finished = True
        self._out.finish_text()
        calls = self._tools.calls()
        if calls and self._thoughts:
            # DeepSeek wants the thoughts that led to a tool call back with the tool's result.
            thoughts = msgspec.json.encode({"reasoning_content": clean_text(self._thoughts.text())}).decode()
            self._out.add(ProviderPart("openai", self._model, thoughts))
        for call in calls:
            self._out.add(call)
        self._out.add(Finish(reason))

    def _close(self) -> None:
        if not self.finished:
            self._require_words(self._tools)
            self._finish("stop")
        if self._usage is not None:
            self._out.add(self._usage)
            self._usage = None


def _usage(given: Any) -> Usage | None:
    if not isinstance(given, dict):
        return None
    cached = count_of(given, "prompt_tokens_details", "cached_tokens")
    return Usage(
        prompt_tokens=count_of(given, "prompt_tokens"),
        completion_tokens=count_of(given, "completion_tokens"),
        reasoning_tokens=count_of(given, "completion_tokens_details", "reasoning_tokens"),
        cached_tokens=count_of(given, "prompt_cache_hit_tokens") if cached is None else cached,
    )


def _flat(thinking: str | list[Any]) -> str:
    if isinstance(thinking, str):
        return thinking
    return "".join(str(part.get("text") or "") for part in thinking if isinstance(part, dict))
