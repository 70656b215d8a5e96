"""How the test upstream writes one answer in each protocol's form: bytes for tokens, ends, errors, wholes."""

from __future__ import annotations

import json
from typing import Any, Protocol

CREATED = 1_780_000_000
CITIES = ("Oslo", "Bergen", "Tromsø")


def dumps(value: Any) -> bytes:
    """Compact JSON; a lone surrogate stays an escape, as a model server would write it."""
    return json.dumps(value, separators=(",", ":")).encode()


class Format(Protocol):
    content_type: str

    def token(self, text: str) -> bytes: ...
    def thought(self, text: str) -> bytes: ...
    def tool_calls(self, count: int = 1) -> list[bytes]: ...
    def likely(self, text: str) -> bytes: ...
    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes: ...
    def spoilt_finish(self) -> bytes: ...
    def mute_end(self) -> bytes: ...
    def failure(self) -> bytes: ...
    def whole(self, text: str, prompt: int, completion: int) -> bytes: ...
    def error(self, status: int, message: str) -> bytes: ...


class OpenAIFormat:
    content_type = "text/event-stream"

    def __init__(self, model: str, newline: bytes = b"\n") -> None:
        self.model = model
        self.newline = newline
        self.finish_reason = "stop"

    def _event(self, payload: bytes) -> bytes:
        return b"data: " + payload + self.newline * 2

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return self._event(
            dumps(
                {
                    "id": "chatcmpl-test",
                    "object": "chat.completion.chunk",
                    "created": CREATED,
                    "model": self.model,
                    "choices": choices,
                    **more,
                }
            )
        )

    def _delta(self, **delta: Any) -> bytes:
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}])

    def token(self, text: str) -> bytes:
        return self._delta(content=text)

    def thought(self, text: str) -> bytes:
        return self._delta(reasoning_content=text)

    def likely(self, text: str) -> bytes:
        top = [{"token": text, "logprob": -0.25, "bytes": None}, {"token": "or", "logprob": -1.5, "bytes": None}]
        content = [top[0] | {"top_logprobs": top}]
        choice = {"index": 0, "delta": {"content": text}, "logprobs": {"content": content}, "finish_reason": None}
        return self._chunk([choice])

    def tool_calls(self, count: int = 1) -> list[bytes]:
        self.finish_reason = "tool_calls"

        def piece(index: int, **more: Any) -> bytes:
            return self._delta(tool_calls=[{"index": index, **more}])

        return [
            data
            for n in range(count)
            for data in (
                piece(n, id=f"call_{'abc'[n]}", type="function", function={"name": "weather", "arguments": ""}),
                piece(n, function={"arguments": '{"city":'}),
                piece(n, function={"arguments": f'"{CITIES[n]}"}}'}),
            )
        ]

    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes:
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0},
        }
        last = [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]
        out = self._chunk(last, usage=usage) if usage_last else self._chunk(last) + self._chunk([], usage=usage)
        return out + self._event(b"[DONE]") if done else out

    def spoilt_finish(self) -> bytes:
        """The end, then counts that nobody can read."""
        last = [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]
        return self._chunk(last) + self._event(b'{"choices":[],"usage":{oops}}') + self._event(b"[DONE]")

    def mute_end(self) -> bytes:
        """An end, and no reason for it."""
        return self._chunk([]) + self._event(b"[DONE]")

    def failure(self) -> bytes:
        return self._event(dumps({"error": {"message": "upstream exploded", "type": "server_error", "code": None}}))

    def whole(self, text: str, prompt: int, completion: int) -> bytes:
        return dumps(
            {
                "id": "chatcmpl-test",
                "object": "chat.completion",
                "created": CREATED,
                "model": self.model,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {
                    "prompt_tokens": prompt,
                    "completion_tokens": completion,
                    "total_tokens": prompt + completion,
                },
            }
        )

    def called(self, prompt: int, completion: int) -> bytes:
        """A whole answer that is a tool call."""
        answer = json.loads(self.whole("", prompt, completion))
        function = {"name": "weather", "arguments": '{"city":"Oslo"}'}
        message = {"role": "assistant", "content": None}
        message["tool_calls"] = [{"id": "call_a", "type": "function", "function": function}]
        answer["choices"][0] |= {"message": message, "finish_reason": "tool_calls"}
        return dumps(answer)

    def error(self, status: int, message: str) -> bytes:
        return dumps({"error": {"message": message, "type": "test_error", "param": None, "code": None}})


class OllamaFormat:
    content_type = "application/x-ndjson"

    def __init__(self, model: str, newline: bytes = b"\n") -> None:
        self.model = model
        self.newline = newline

    def _line(self, **more: Any) -> bytes:
        return dumps({"model": self.model, "created_at": "2026-06-01T00:00:00Z", **more}) + self.newline

    def token(self, text: str) -> bytes:
        return self._line(message={"role": "assistant", "content": text}, done=False)

    def thought(self, text: str) -> bytes:
        return self._line(message={"role": "assistant", "content": "", "thinking": text}, done=False)

    def likely(self, text: str) -> bytes:
        top = [{"token": text, "logprob": -0.25, "bytes": list(text.encode())}, {"token": "or", "logprob": -1.5}]
        message = {"role": "assistant", "content": text}
        return self._line(message=message, logprobs=[top[0] | {"top_logprobs": top}], done=False)

    def tool_calls(self, count: int = 1) -> list[bytes]:
        calls = [{"function": {"name": "weather", "arguments": {"city": city}}} for city in CITIES[:count]]
        return [self._line(message={"role": "assistant", "content": "", "tool_calls": calls}, done=False)]

    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes:
        return self._line(**_ollama_end(prompt, completion), message={"role": "assistant", "content": ""})

    def spoilt_finish(self) -> bytes:
        end = {"done": True, "done_reason": "stop", "prompt_eval_count": "many", "eval_count": [3]}
        return self._line(**end, message={"role": "assistant", "content": ""})

    def mute_end(self) -> bytes:
        return self._line(done=True)

    def failure(self) -> bytes:
        return dumps({"error": {"message": "upstream exploded", "type": "server_error"}}) + self.newline

    def whole(self, text: str, prompt: int, completion: int) -> bytes:
        message = {"role": "assistant", "content": text}
        return self._line(**_ollama_end(prompt, completion), message=message).rstrip()

    def error(self, status: int, message: str) -> bytes:
        return dumps({"error": message})


def _ollama_end(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": "stop",
        "total_duration": 5,
        "prompt_eval_count": prompt,
        "eval_count": completion,
    }


class AnthropicFormat:
    """Blocks are opened and closed as the kind of text changes, so one object writes one answer."""

    content_type = "text/event-stream"

    def __init__(self, model: str, newline: bytes = b"\n") -> None:
        self.model = model
        self.newline = newline
        self.started = False
        self.block = ""
        self.index = -1

    def _event(self, kind: str, **more: Any) -> bytes:
        lines = b"event: " + kind.encode() + self.newline + b"data: " + dumps({"type": kind, **more})
        return lines + self.newline * 2

    def _start(self) -> bytes:
        if self.started:
            return b""
        self.started = True
        usage = {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0, "output_tokens": 1}
        message = {"id": "msg_test", "type": "message", "role": "assistant", "model": self.model, "content": []}
        start = self._event("message_start", message=message | {"stop_reason": None, "usage": usage})
        return start + self._event("ping")

    def _open(self, kind: str, **more: Any) -> bytes:
        if kind == self.block:
            return b""
        out = self._start() + self._close()
        self.block = kind
        self.index += 1
        return out + self._event("content_block_start", index=self.index, content_block={"type": kind, **more})

    def _close(self) -> bytes:
        if not self.block:
            return b""
        signed = self._delta(type="signature_delta", signature="c2lnbmVk") if self.block == "thinking" else b""
        self.block = ""
        return signed + self._event("content_block_stop", index=self.index)

    def _delta(self, **delta: Any) -> bytes:
        return self._event("content_block_delta", index=self.index, delta=delta)

    def token(self, text: str) -> bytes:
        return self._open("text", text="") + self._delta(type="text_delta", text=text)

    def thought(self, text: str) -> bytes:
        return self._open("thinking", thinking="", signature="") + self._delta(type="thinking_delta", thinking=text)

    def likely(self, text: str) -> bytes:
        return self.token(text)  # this protocol tells nothing of it

    def tool_calls(self, count: int = 1) -> list[bytes]:
        return [
            data
            for n in range(count)
            for data in (
                self._close() + self._open("tool_use", id=f"toolu_{'abc'[n]}", name="weather", input={}),
                self._delta(type="input_json_delta", partial_json='{"city":'),
                self._delta(type="input_json_delta", partial_json=f'"{CITIES[n]}"}}'),
            )
        ]

    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes:
        delta = {"stop_reason": "tool_use" if self.block == "tool_use" else "end_turn", "stop_sequence": None}
        out = self._start() + self._close()
        out += self._event("message_delta", delta=delta, usage={"output_tokens": completion})
        return out + self._event("message_stop") if done else out

    def spoilt_finish(self) -> bytes:
        out = self._start() + self._close() + self._event("message_delta", delta={"stop_reason": "end_turn"})
        spoilt = b'event: message_delta\ndata: {"type":"message_delta","usage":{oops}}\n\n'
        return out + spoilt + self._event("message_stop")

    def mute_end(self) -> bytes:
        return self._start() + self._event("message_stop")

    def failure(self) -> bytes:
        return self._event("error", error={"type": "overloaded_error", "message": "upstream exploded"})

    def whole(self, text: str, prompt: int, completion: int) -> bytes:
        return dumps(
            {
                "id": "msg_test",
                "type": "message",
                "role": "assistant",
                "model": self.model,
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": prompt, "output_tokens": completion},
            }
        )

    def error(self, status: int, message: str) -> bytes:
        return dumps({"type": "error", "error": {"type": "test_error", "message": message}, "request_id": "req_1"})


class GoogleFormat:
    content_type = "text/event-stream"

    def __init__(self, model: str, newline: bytes = b"\n") -> None:
        self.model = model
        self.newline = newline
        self.signature: dict[str, str] = {}

    def _chunk(self, parts: list[dict[str, Any]], reason: str = "", **more: Any) -> bytes:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if reason:
            candidate["finishReason"] = reason
        return b"data: " + dumps({"candidates": [candidate], "modelVersion": self.model, **more}) + self.newline * 2

    def token(self, text: str) -> bytes:
        return self._chunk([{"text": text}])

    def thought(self, text: str) -> bytes:
        self.signature = {"thoughtSignature": "c2lnbmVk"}
        return self._chunk([{"text": text, "thought": True}])

    def likely(self, text: str) -> bytes:
        top = [{"token": text, "tokenId": 7, "logProbability": -0.25}, {"token": "or", "logProbability": -1.5}]
        found = {"chosenCandidates": top[:1], "topCandidates": [{"candidates": top}]}
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, "logprobsResult": found}
        return b"data: " + dumps({"candidates": [candidate], "modelVersion": self.model}) + self.newline * 2

    def tool_calls(self, count: int = 1) -> list[bytes]:
        calls: list[dict[str, Any]] = [
            {"functionCall": {"name": "weather", "args": {"city": city}}} for city in CITIES[:count]
        ]
        calls[0]["thoughtSignature"] = "c2lnbmVk"  # only the first of parallel ones is signed
        return [self._chunk(calls)]

    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes:
        return self._chunk([{"text": ""} | self.signature], "STOP", usageMetadata=_gemini_usage(prompt, completion))

    def spoilt_finish(self) -> bytes:
        return self._chunk([{"text": ""}], "STOP") + b'data: {"usageMetadata":{oops}}\n\n'

    def mute_end(self) -> bytes:
        return self._chunk([])

    def failure(self) -> bytes:
        error = {"code": 503, "message": "upstream exploded", "status": "UNAVAILABLE"}
        return b"data: " + dumps({"error": error}) + self.newline * 2

    def whole(self, text: str, prompt: int, completion: int) -> bytes:
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
        return dumps({"candidates": [candidate], "usageMetadata": _gemini_usage(prompt, completion)})

    def error(self, status: int, message: str) -> bytes:
        return dumps({"error": {"code": status, "message": message, "status": "TEST"}})


def _gemini_usage(prompt: int, completion: int) -> dict[str, int]:
    return {
        "promptTokenCount": prompt,
        "candidatesTokenCount": completion,
        "totalTokenCount": prompt + completion,
    }


FORMATS: dict[str, type[OpenAIFormat] | type[OllamaFormat] | type[AnthropicFormat] | type[GoogleFormat]] = {
    "openai": OpenAIFormat,
    "ollama": OllamaFormat,
    "anthropic": AnthropicFormat,
    "google": GoogleFormat,
}


def protocol_of(path: str) -> str:
    """Which protocol a path belongs to."""
    if path == "/api/chat":
        return "ollama"
    if path.endswith("/messages"):
        return "anthropic"
    return "google" if path.endswith("enerateContent") else "openai"
