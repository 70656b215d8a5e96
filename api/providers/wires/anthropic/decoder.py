"""One answer of Anthropic's messages API → events."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from api.domain.errors import ProviderBadResponse
from api.domain.events import Finish, FinishReason, ProviderPart, Usage
from api.domain.text import clean_text
from api.providers.assembly import PieceBuffer, ToolCallBuffer, count_of, decode_json
from api.providers.failures import from_object
from api.providers.reply import ReplyDecoder

_FINISH: Final[dict[str, FinishReason]] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "filtered",
    "tool_use": "tool_calls",
}
_KNOWN: Final = {
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
}


_COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "output_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Block(msgspec.Struct, gc=False):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None


class _Start(msgspec.Struct, gc=False):
    usage: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Start | None = None
    usage: Any = None
    error: Any = None


class _Message(msgspec.Struct, gc=False):
    type: str | None = None
    content: list[_Block] | None = None
    stop_reason: str | None = None
    usage: Any = None
    error: Any = None


class _Kind(msgspec.Struct, gc=False):
    type: str | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_MESSAGE: Final = msgspec.json.Decoder(_Message)
_KIND: Final = msgspec.json.Decoder(_Kind)
_NO_BLOCK: Final = _Block()


class AnthropicDecoder(ReplyDecoder):
    """Bytes cut anywhere → events. Holds one line or one JSON answer, the block being read and tool calls: capped."""

    kind = "Anthropic's messages API"

    def __init__(self, model: str = "") -> None:
        super().__init__()
        self._model = model
        self._tools = ToolCallBuffer()
        self._usage: dict[str, Any] = {}
        self._block = _NO_BLOCK
        self._thoughts = PieceBuffer()
        self._signature = PieceBuffer()
        self._has_input = False

    def _payload(self, payload: bytes) -> None:
        if not payload:
            return
        try:
            event = decode_json(_EVENT, payload)
        except ProviderBadResponse:
            # Kinds of events that came after this was written may look like anything.
            if (decode_json(_KIND, payload).type or "error") in _KNOWN:
                raise
            return
        self._seen += 1
        kind = event.type
        if kind == "content_block_delta":
            if event.delta is not None:
                self._delta(event.delta, event.index)
        elif kind == "content_block_start":
            self._start(event.content_block or _NO_BLOCK, event.index)
        elif kind == "content_block_stop":
            self._stop(event.index)
        elif kind == "message_start":
            self._count(event.message.usage if event.message else None)
        elif kind == "message_delta":
            self._count(event.usage)
            if event.delta is not None and event.delta.stop_reason and not self.finished:
                self._finish(event.delta.stop_reason)
        elif kind == "message_stop":
            self._close()
            self.done = True
        elif kind == "error" or event.error is not None:
            raise from_object(event.error or {})

    def _delta(self, delta: _Delta, index: int | None) -> None:
        if delta.text:
            self._out.text(delta.text)
        elif delta.thinking:
            self._thoughts.take(delta.thinking)
            self._out.reasoning(delta.thinking)
        elif delta.partial_json and self._block.type == "tool_use":
            self._has_input = True
            self._tools.take(index, "", "", delta.partial_json)
        elif delta.signature:
            self._signature.take(delta.signature)

    def _start(self, block: _Block, index: int | None) -> None:
        self._block = block
        self._thoughts, self._signature = PieceBuffer(), PieceBuffer()
        self._has_input = False
        if block.type == "text" and block.text:
            self._out.text(block.text)
        elif block.type == "thinking":
            if block.thinking:
                self._thoughts.take(block.thinking)
                self._out.reasoning(block.thinking)
            if block.signature:
                self._signature.take(block.signature)
        elif block.type == "tool_use":
            self._tools.take(index, block.id or "", block.name or "", None)

    def _stop(self, index: int | None) -> None:
        block, self._block = self._block, _NO_BLOCK
        if block.type == "tool_use" and not self._has_input:
            self._tools.take(index, "", "", {} if block.input is None else block.input)
        elif block.type == "thinking" and self._signature:
            self._keep(type="thinking", thinking=self._thoughts.text(), signature=self._signature.text())
        elif block.type == "redacted_thinking" and block.data:
            self._keep(type="redacted_thinking", data=block.data)

    def _keep(self, **block: str) -> None:
        kept = {name: clean_text(value) for name, value in block.items()}
        self._out.add(ProviderPart("anthropic", self._model, msgspec.json.encode(kept).decode()))

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage.update((name, usage[name]) for name in _COUNTS if usage.get(name) is not None)

    def _finish(self, reason: str) -> None:
        self.finished = True
        self._out.finish_text()
        for call in self._tools.calls():
            self._out.add(call)
        if self._usage:
            self._out.add(_usage(self._usage))
        self._out.add(Finish(_FINISH.get(reason, "stop")))

    def _close(self) -> None:
        if not self.finished:
            self._require_words(self._tools)
            self._finish("end_turn")

    def _whole(self, body: bytes) -> None:
        message = self._decode_whole(_MESSAGE, body)
        if message.type == "error" or message.error is not None:
            raise from_object(message.error or {})
        if message.content is None:
            raise self._no_reply(body)
        for index, block in enumerate(message.content):
            self._start(block, index)
            self._stop(index)
        self._count(message.usage)
        if message.stop_reason:
            self._finish(message.stop_reason)
        self._close()


def _usage(given: dict[str, Any]) -> Usage:
    """Anthropic counts the prompt in three places; here all of it is the prompt."""
    read, written = count_of(given, "cache_read_input_tokens"), count_of(given, "cache_creation_input_tokens")
    fresh = count_of(given, "input_tokens")
    return Usage(
        prompt_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        completion_tokens=count_of(given, "output_tokens"),
        reasoning_tokens=count_of(given, "output_tokens_details", "thinking_tokens"),
        cached_tokens=read,
        cache_write_tokens=written,
    )
