"""CPU of each wire's decoder alone: microseconds an event, by how many events arrive in one read.

python -m bench.decode
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from statistics import median

from api.domain.conversation import CompletionRequest, Turn
from api.providers.base import Endpoint, Wire
from api.providers.wires.anthropic import AnthropicWire
from api.providers.wires.demo import DemoWire
from api.providers.wires.google import GoogleWire
from api.providers.wires.ollama import OllamaWire
from api.providers.wires.openai import OpenAIWire
from bench.mock_provider import payloads
from bench.workload import tokens

TOKENS = 200
READS = (1, 2, 10, 50)
ROUNDS = 7
SECONDS = 0.15


def _openai() -> list[bytes]:
    return [b"data: " + payload + b"\n\n" for payload in payloads("bench-200-20", TOKENS)]


def _ollama() -> list[bytes]:
    base = {"model": "bench", "created_at": "2026-11-20T20:00:00.123456789Z"}

    def line(content: str, **more: object) -> bytes:
        message = {"role": "assistant", "content": content}
        return json.dumps(base | {"message": message, "done": False} | more).encode() + b"\n"

    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 250, "eval_count": TOKENS}
    return [*(line(token) for token in tokens(TOKENS)), line("", **end)]


def _anthropic() -> list[bytes]:
    def event(kind: str, **more: object) -> bytes:
        data = json.dumps({"type": kind, **more}, separators=(",", ":"))
        return f"event: {kind}\ndata: {data}\n\n".encode()

    usage = {"input_tokens": 250, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
    message = {"id": "msg_01", "type": "message", "role": "assistant", "model": "bench", "content": [], "usage": usage}
    deltas = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": token}) for token in tokens(TOKENS)
    ]
    return [
        event("message_start", message=message),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *deltas,
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 200}),
        event("message_stop"),
    ]


def _google() -> list[bytes]:
    def chunk(text: str, count: int, **more: object) -> bytes:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
        usage = {"promptTokenCount": 250, "candidatesTokenCount": count, "totalTokenCount": 250 + count}
        found = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "bench", "responseId": "r1"}
        return f"data: {json.dumps(found, separators=(',', ':'))}\r\n\r\n".encode()

    return [*(chunk(token, at) for at, token in enumerate(tokens(TOKENS))), chunk("", TOKENS, finishReason="STOP")]


def _demo() -> list[bytes]:
    wire = DemoWire()
    asked = CompletionRequest(model="demo", turns=(Turn("user", f"demo:fast demo:count {TOKENS}"),))
    body = wire.encode(Endpoint("demo", "", None, trusted=True), asked).body
    return [data for _, data in wire.script(body)]


CASES: dict[str, tuple[Callable[[], Wire], Callable[[], list[bytes]]]] = {
    "openai": (OpenAIWire, _openai),
    "anthropic": (AnthropicWire, _anthropic),
    "google": (GoogleWire, _google),
    "ollama": (OllamaWire, _ollama),
    "demo": (DemoWire, _demo),
}
"""A wire, and what its provider sends: add a row with each new wire."""


def microseconds(wire: Wire, events: list[bytes], a_read: int, rounds: int = ROUNDS) -> float:
    """Of CPU, per event; the median of some rounds, each long enough for the clock."""
    request = CompletionRequest(model="bench", turns=(Turn("user", "hello"),))
    reads = [b"".join(events[i : i + a_read]) for i in range(0, len(events), a_read)]

    def once() -> float:
        replies, began = 0, time.process_time()
        while time.process_time() - began < SECONDS:
            decoder = wire.decoder(request)
            for data in reads:
                decoder.feed(data)
            decoder.end()
            replies += 1
        return (time.process_time() - began) * 1e6 / (replies * len(events))

    return median(once() for _ in range(rounds))


def lines(reads: tuple[int, ...] = READS, rounds: int = ROUNDS) -> Iterator[str]:
    """The table, a line a wire."""
    yield "us an event".ljust(14) + "".join(f"{count} a read".rjust(12) for count in reads)
    for name, (wire, sample) in CASES.items():
        events = sample()
        figures = [microseconds(wire(), events, count, rounds) for count in reads]
        yield name.ljust(14) + "".join(f"{figure:12.2f}" for figure in figures)


def main() -> None:
    for line in lines():
        print(line, flush=True)


if __name__ == "__main__":
    main()
