"""What providers send of one reply, by wire, event by event as bytes: for the decoders alone and the mock provider."""

from __future__ import annotations

import json
from collections.abc import Callable

from bench.workload import tokens

CREATED = 1_700_000_000
PROMPT_TOKENS = 250


def usage(count: int) -> dict[str, int]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": count,
        "total_tokens": PROMPT_TOKENS + count,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _openai(model: str, count: int) -> list[bytes]:
    """`count` tokens, then why it ended, usage and the end."""
    base = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": CREATED, "model": model}

    def event(delta: dict[str, str], finish: str | None = None) -> bytes:
        return _json(base | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    first, *others = tokens(count)
    events = [event({"role": "assistant", "content": first})]
    events += [event({"content": token}) for token in others]
    counted = _json(base | {"choices": [], "usage": usage(count)})
    return [b"data: %b\n\n" % payload for payload in (*events, event({}, "stop"), counted, b"[DONE]")]


def _ollama(model: str, count: int) -> list[bytes]:
    base = {"model": model, "created_at": "2026-11-20T20:00:00.123456789Z"}

    def line(content: str, **more: object) -> bytes:
        message = {"role": "assistant", "content": content}
        return _json(base | {"message": message, "done": False} | more) + b"\n"

    end = {"done": True, "done_reason": "stop", "prompt_eval_count": PROMPT_TOKENS, "eval_count": count}
    return [*(line(token) for token in tokens(count)), line("", **end)]


def _anthropic(model: str, count: int) -> list[bytes]:
    def event(kind: str, **more: object) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), _json({"type": kind, **more}))

    counted = {"input_tokens": PROMPT_TOKENS, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    message = {"id": "msg_01", "type": "message", "role": "assistant", "model": model, "content": []}
    start = event("message_start", message=message | {"usage": counted | {"output_tokens": 1}})
    start += event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    deltas = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": token}) for token in tokens(count)
    ]
    return [
        start + deltas[0],
        *deltas[1:],
        event("content_block_stop", index=0),
        event(
            "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": count}
        ),
        event("message_stop"),
    ]


def _google(model: str, count: int) -> list[bytes]:
    def chunk(text: str, told: int, **more: object) -> bytes:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
        counted = {"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": told}
        counted["totalTokenCount"] = PROMPT_TOKENS + told
        found = {"candidates": [candidate], "usageMetadata": counted, "modelVersion": model, "responseId": "r1"}
        return b"data: %b\r\n\r\n" % _json(found)

    return [*(chunk(token, at) for at, token in enumerate(tokens(count))), chunk("", count, finishReason="STOP")]


EVENTS: dict[str, Callable[[str, int], list[bytes]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google": _google,
    "ollama": _ollama,
}
"""Of a model and its tokens: one event a token (the first may bring others along), then those that end the reply."""
