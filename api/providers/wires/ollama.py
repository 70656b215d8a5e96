"""Ollama's own chat API. Pure translation, no I/O.

Sent: `POST {base_url}/api/chat`. Read: one JSON object a line; an answer not streamed is one such line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from api.domain.conversation import CompletionRequest, ImagePart, TextPart, Tool, ToolResult, Turn, tool_names
from api.domain.errors import ProviderBadResponse
from api.domain.events import Finish, Logprobs, TokenProb, ToolCall, Usage
from api.domain.text import clean_text
from api.providers.assembly import BaseDecoder, ToolCallBuffer, as_object, count_of, decode_json
from api.providers.base import Endpoint, WireRequest
from api.providers.failures import from_object, reply_cut
from api.providers.fitting import Family, Fitted, FittingWire, left_out_note
from api.providers.framing import LineSplitter


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: Any = None


class _Call(msgspec.Struct, gc=False):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Likely(msgspec.Struct, gc=False):
    token: str | None = None
    logprob: float | None = None
    top_logprobs: list[_Likely] | None = None


class _Line(msgspec.Struct, gc=False):
    message: _Message | None = None
    logprobs: list[_Likely] | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    error: Any = None


_CALL_FIELDS: Final = ("think", "keep_alive", "truncate")
_LINE: Final = msgspec.json.Decoder(_Line)


class OllamaWire(FittingWire):
    """Ollama needs no key; one is sent as a bearer token where a proxy in front of it wants one.

    Of `extra`, `think`, `keep_alive` and `truncate` are parameters of the call, all others the model's options; the
    `defaults` are alike and stand behind them.
    """

    def __init__(
        self,
        families: tuple[Family, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(families, headers)
        self._defaults = dict(defaults or {})

    def decoder(self, request: CompletionRequest) -> OllamaDecoder:
        """A decoder for one answer, streamed or not."""
        return OllamaDecoder()

    def _encode(self, endpoint: Endpoint, fit: Fitted) -> WireRequest:
        request, notes = fit.request, list(fit.notes)
        body: dict[str, Any] = {
            "model": request.model,
            "messages": _messages(request),
            "stream": request.stream,
        }
        if request.tools and request.tool_choice != "none":
            body["tools"] = [_tool(tool) for tool in request.tools]
            if request.tool_choice not in {None, "auto"}:
                notes.append(left_out_note("tool_choice", request.model))
            if request.parallel_tool_calls is False:
                notes.append(left_out_note("parallel_tool_calls", request.model))
        if request.response_format is not None:
            schema = request.response_format.schema
            body["format"] = "json" if schema is None else dict(schema)
        if request.logprobs is not None:
            body["logprobs"] = True
            if request.logprobs:
                body["top_logprobs"] = request.logprobs
        more = self._defaults | fit.adds | fit.extra()
        body |= {name: more.pop(name) for name in _CALL_FIELDS if name in more}
        if options := more | _options(request):
            body["options"] = options
        headers = {"Content-Type": "application/json", "Accept": "application/x-ndjson", **self._own_headers}
        if endpoint.api_key:
            headers["Authorization"] = f"Bearer {endpoint.api_key}"
        return WireRequest(
            url=endpoint.base_url.rstrip("/") + "/api/chat",
            headers=headers,
            body=msgspec.json.encode(body),
            trusted=endpoint.trusted,
            notes=tuple(notes),
            refused=fit.refused,
            endpoint=endpoint,
        )


def _options(request: CompletionRequest) -> dict[str, Any]:
    options: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "num_predict": request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
    }
    return {name: value for name, value in options.items() if value is not None}


def _messages(request: CompletionRequest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if request.system:
        found.append({"role": "system", "content": clean_text(request.system)})
    names = tool_names(request.turns)
    for turn in request.turns:
        found.extend(_message(turn, names))
    return found


def _message(turn: Turn, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A turn; results of tools are messages of their own."""
    said, images, calls = [turn.content], [], []
    for part in turn.parts:
        match part:
            case ToolResult():
                name = part.name or names.get(part.call_id, "")
                yield {"role": "tool", "tool_name": name, "content": clean_text(part.content)}
            case TextPart():
                said.append(part.text)
            case ImagePart():
                images.append(part.base64())
            case ToolCall():
                calls.append({"function": {"name": part.name, "arguments": as_object(part.arguments)}})
    message: dict[str, Any] = {"role": turn.role, "content": clean_text("".join(said))}
    if images:
        message["images"] = images
    if calls:
        message["tool_calls"] = calls
    if not turn.parts or message["content"] or images or calls:
        yield message


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "description": tool.description}
    function["parameters"] = {"type": "object", "properties": {}, **tool.parameters}
    return {"type": "function", "function": function}


class OllamaDecoder(BaseDecoder):
    """One answer: bytes cut anywhere → events. Holds one unfinished line and the tool calls, both capped."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineSplitter()
        self._tools = ToolCallBuffer()
        self._calls = 0
        self._seen = False

    def _feed(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if not line.isspace() and line:
                self._line(line)
            if self.done:
                break

    def _end(self) -> None:
        rest = self._lines.flush().strip()
        if rest and not self.done:
            try:
                self._line(rest)
            except ProviderBadResponse:
                if self.done or not (self._seen or rest.startswith(b"{")):
                    raise
        if not self.done:
            raise reply_cut()

    def _line(self, payload: bytes) -> None:
        line = decode_json(_LINE, payload)
        if line.error is not None:
            raise from_object(line.error)
        if line.message is None and not line.done:
            raise ProviderBadResponse(
                "The address answered with something that is not Ollama's chat API. "
                "Check the base URL (Ollama's own has no /v1)."
            )
        self._seen = True
        if line.message is not None:
            self._message(line.message)
        if line.logprobs:
            self._out.add(_logprobs(line.logprobs))
        if line.done:
            self._finish(line)

    def _message(self, message: _Message) -> None:
        if message.thinking:
            self._out.reasoning(message.thinking)
        if message.content:
            self._out.text(message.content)
        for call in message.tool_calls or ():
            if call.function is not None:
                # Each call comes whole here, so each has an index of its own.
                self._tools.take(self._calls, call.id or "", call.function.name or "", call.function.arguments)
                self._calls += 1

    def _finish(self, line: _Line) -> None:
        self.done = True
        self._out.finish_text()
        calls = self._tools.calls()
        for call in calls:
            self._out.add(call)
        prompt, completion = count_of(line.prompt_eval_count), count_of(line.eval_count)
        if prompt is not None or completion is not None:
            self._out.add(Usage(prompt_tokens=prompt, completion_tokens=completion))
        if line.done_reason is None:
            self._require_words(self._tools)
        self._out.add(Finish("length" if line.done_reason == "length" else "tool_calls" if calls else "stop"))


def _logprobs(given: list[_Likely]) -> Logprobs:
    return Logprobs(
        tuple(TokenProb(*_known(one), tuple(_known(other) for other in one.top_logprobs or ())) for one in given)
    )


def _known(one: _Likely) -> tuple[str, float]:
    return clean_text(one.token or ""), one.logprob or 0.0
