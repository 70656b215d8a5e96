"""How the test upstream writes one answer, in OpenAI's and in Ollama's form: bytes for tokens, ends, errors, wholes."""

from __future__ import annotations

import json
from typing import Any, Protocol

CREATED = 1_780_000_000


def dumps(value: Any) -> bytes:
    """Compact JSON; a lone surrogate stays an escape, as a model server would write it."""
    return json.dumps(value, separators=(",", ":")).encode()


class Format(Protocol):
    content_type: str

    def token(self, text: str) -> bytes: ...
    def thought(self, text: str) -> bytes: ...
    def tool_calls(self) -> list[bytes]: ...
    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes: ...
    def failure(self) -> bytes: ...
    def whole(self, text: str, prompt: int, completion: int) -> bytes: ...
    def error(self, status: int, message: str) -> bytes: ...


class OpenAIFormat:
    content_type = "text/event-stream"

    def __init__(self, model: str, newline: bytes = b"\n") -> None:
        self.model = model
        self.newline = newline

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

    def tool_calls(self) -> list[bytes]:
        def piece(**more: Any) -> bytes:
            return self._delta(tool_calls=[{"index": 0, **more}])

        return [
            piece(id="call_a", type="function", function={"name": "weather", "arguments": ""}),
            piece(function={"arguments": '{"city":'}),
            piece(function={"arguments": '"Oslo"}'}),
        ]

    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes:
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0},
        }
        last = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
        out = self._chunk(last, usage=usage) if usage_last else self._chunk(last) + self._chunk([], usage=usage)
        return out + self._event(b"[DONE]") if done else out

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

    def tool_calls(self) -> list[bytes]:
        call = {"function": {"name": "weather", "arguments": {"city": "Oslo"}}}
        return [self._line(message={"role": "assistant", "content": "", "tool_calls": [call]}, done=False)]

    def finish(self, prompt: int, completion: int, *, usage_last: bool = False, done: bool = True) -> bytes:
        return self._line(**_ollama_end(prompt, completion), message={"role": "assistant", "content": ""})

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
