"""OpenAI's chat completions, as OpenAI and everybody compatible with it speak them. Pure translation, no I/O.

Sent: `POST {base_url}/chat/completions`. Read: server-sent events, or one JSON object where the answer is not
streamed (also where a server ignores `stream`). What compatible servers do differently is read as well:
reasoning under two names, content in parts, usage in any chunk, an error inside a 200 stream, no final chunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from api.domain.conversation import CompletionRequest
from api.domain.errors import ProviderBadResponse, ProviderError, ProviderUnavailable
from api.domain.events import Finish, FinishReason, Usage
from api.domain.text import clean_text
from api.providers.assembly import BaseDecoder, ToolCallBuffer, count_of, decode_json, is_cut_json
from api.providers.base import Endpoint, WireRequest
from api.providers.failures import excerpt, from_http, from_object, reply_cut
from api.providers.framing import EventStream

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
_HEAD_BYTES: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = (b"data", b"event", b"id", b"retry", b":")
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


class OpenAIWire:
    """`tokens_field` names the limit on output: OpenAI's own newer models refuse `max_tokens`.

    `stream_usage` asks for the token counts of a stream; off for servers that refuse the option.
    """

    def __init__(self, *, tokens_field: str = "max_tokens", stream_usage: bool = True) -> None:
        self._tokens_field = tokens_field
        self._stream_usage = stream_usage

    def encode(self, endpoint: Endpoint, request: CompletionRequest) -> WireRequest:
        """The HTTP request that asks for `request`."""
        body: dict[str, Any] = {
            "model": request.model,
            "messages": _messages(request),
            "stream": request.stream,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.top_p is not None:
            body["top_p"] = request.top_p
        if request.max_tokens is not None:
            body[self._tokens_field] = request.max_tokens
        if request.stream and self._stream_usage:
            body["stream_options"] = {"include_usage": True}
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if request.stream else "application/json",
        }
        if endpoint.api_key:
            headers["Authorization"] = f"Bearer {endpoint.api_key}"
        return WireRequest(
            url=endpoint.base_url.rstrip("/") + "/chat/completions",
            headers=headers,
            body=msgspec.json.encode(body),
            trusted=endpoint.trusted,
        )

    def decoder(self, request: CompletionRequest) -> OpenAIDecoder:
        """A decoder for one answer; it finds out by itself whether the answer is streamed."""
        return OpenAIDecoder()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What a non-2xx answer means."""
        return from_http(status, headers, body)


def _messages(request: CompletionRequest) -> list[dict[str, str]]:
    system = [{"role": "system", "content": clean_text(request.system)}] if request.system else []
    return system + [{"role": turn.role, "content": clean_text(turn.content)} for turn in request.turns]


class OpenAIDecoder(BaseDecoder):
    """One answer: bytes cut anywhere → events. Holds one line or one JSON answer, and tool calls: capped."""

    def __init__(self) -> None:
        super().__init__()
        self._head = b""
        self._body: bytearray | None = None
        self._stream: EventStream | None = None
        self._tools = ToolCallBuffer()
        self._usage: Usage | None = None
        self._finished = False
        self._chunks = 0

    def _feed(self, data: bytes) -> None:
        if self._stream is None and self._body is None:
            data = self._sniff(data)
        elif not self._chunks and len(self._head) < _HEAD_BYTES:
            self._head += data[:_HEAD_BYTES]
        if self._stream is not None:
            for payload in self._stream.feed(data):
                self._payload(payload)
                if self.done:
                    break
        elif self._body is not None:
            self._body += data
            if len(self._body) > MAX_BODY_BYTES:
                raise ProviderBadResponse(f"The provider's answer is larger than {MAX_BODY_BYTES >> 20} MiB.")

    def _end(self) -> None:
        if self._body is not None:
            self._whole(bytes(self._body))
        elif self._stream is not None and not self._finished:
            self._last_words(self._stream)
        if not self._finished:
            raise self._why_unfinished()
        self._close()

    def _sniff(self, data: bytes) -> bytes:
        """Decide by the first visible byte: JSON, a web page, or an event stream."""
        self._head = data = (self._head + data).lstrip(b" \t\r\n")
        if not data or (len(data) < len(_BOM) and _BOM.startswith(data)):
            return b""
        data = data.removeprefix(_BOM)
        self._head = data[:_HEAD_BYTES]
        if data.startswith((b"{", b"[")):
            self._body = bytearray()
        elif data.startswith(b"<"):
            raise _not_an_api(self._head)
        else:
            self._stream = EventStream()
        return data

    def _payload(self, payload: bytes) -> None:
        if payload.startswith(b"[DONE]"):
            self._close()
            self.done = True
        elif payload:
            self._chunk(decode_json(_CHUNK, payload))

    def _chunk(self, chunk: _Chunk) -> None:
        self._chunks += 1
        if chunk.error is not None or chunk.object == "error":
            raise from_object(chunk.error or {"message": chunk.message, "code": chunk.code})
        if chunk.usage is not None:
            self._usage = _usage(chunk.usage) or self._usage
        for choice in chunk.choices or ():
            if not choice.index:
                self._choice(choice)
        if self._usage is not None and (self._finished or not chunk.choices):
            self._out.add(self._usage)
            self._usage = None

    def _choice(self, choice: _Choice) -> None:
        message = choice.delta or choice.message
        if message is not None:
            thought = message.reasoning_content or message.reasoning
            if thought and isinstance(thought, str):
                self._out.reasoning(thought)
            if message.content:
                self._content(message.content)
            if message.refusal:
                self._out.text(message.refusal)
            for piece in message.tool_calls or ():
                call = piece.function or _NO_FUNCTION
                self._tools.take(piece.index, piece.id or "", call.name or "", call.arguments)
        if choice.finish_reason and not self._finished:
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
        self._finished = True
        self._out.finish_text()
        for call in self._tools.calls():
            self._out.add(call)
        self._out.add(Finish(reason))

    def _close(self) -> None:
        if not self._finished:
            self._finish("stop")
        if self._usage is not None:
            self._out.add(self._usage)
            self._usage = None

    def _whole(self, body: bytes) -> None:
        try:
            chunk = decode_json(_CHUNK, body)
        except ProviderBadResponse:
            raise reply_cut() if is_cut_json(body) else _not_an_api(body[:_HEAD_BYTES]) from None
        self._chunk(chunk)
        if not chunk.choices:
            raise ProviderBadResponse(
                f"The provider's answer holds no reply: {excerpt(body[:500].decode('utf-8', 'replace'))}"
            )
        self._close()

    def _last_words(self, stream: EventStream) -> None:
        for payload in stream.end():
            try:
                self._payload(payload)
            except ProviderBadResponse:
                raise reply_cut() from None

    def _why_unfinished(self) -> ProviderError:
        begins = any(self._head.startswith(field) or field.startswith(self._head) for field in _FIELDS)
        if not self._chunks and not begins:
            return _not_an_api(self._head)
        return reply_cut()


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


def _not_an_api(head: bytes) -> ProviderBadResponse:
    return ProviderBadResponse(
        "The address answered with something that is not a chat completion. "
        f"Check the base URL (it often ends in /v1). The answer began: {excerpt(head.decode('utf-8', 'replace'))}"
    )
