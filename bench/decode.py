"""CPU of each wire's decoder alone: microseconds an event, by how many events arrive in one read.

python -m bench.decode
"""

from __future__ import annotations

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
from bench.wire_events import EVENTS

TOKENS = 200
READS = (1, 2, 10, 50)
ROUNDS = 7
SECONDS = 0.15


def _demo() -> list[bytes]:
    wire = DemoWire()
    asked = CompletionRequest(model="demo", turns=(Turn("user", f"demo:fast demo:count {TOKENS}"),))
    body = wire.encode(Endpoint("demo", "", None, trusted=True), asked).body
    return [data for _, data in wire.script(body)]


CASES: dict[str, tuple[Callable[[], Wire], Callable[[], list[bytes]]]] = {
    "openai": (OpenAIWire, lambda: EVENTS["openai"]("bench", TOKENS)),
    "anthropic": (AnthropicWire, lambda: EVENTS["anthropic"]("bench", TOKENS)),
    "google": (GoogleWire, lambda: EVENTS["google"]("bench", TOKENS)),
    "ollama": (OllamaWire, lambda: EVENTS["ollama"]("bench", TOKENS)),
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
