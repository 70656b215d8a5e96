"""Calls as the generation service makes them, against the test upstream, each in a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from api.domain.conversation import CompletionRequest, Turn
from api.domain.events import ProviderEvent, ReasoningDelta, TextDelta
from api.providers.base import Call, Decoder, Endpoint, Timeouts, Wire
from api.providers.transport import Transport
from api.providers.wires.anthropic import AnthropicWire
from api.providers.wires.google import GoogleWire
from api.providers.wires.ollama import OllamaWire
from api.providers.wires.openai import OpenAIWire
from api.security.egress import Egress
from tests.upstream import Upstream

T = TypeVar("T")
KEY = "sk-test-0123456789abcdefCANARY"
PATIENT = Timeouts(connect=20, first=20, between=20, total=60)
WIRES: dict[str, Wire] = {
    "openai": OpenAIWire(),
    "anthropic": AnthropicWire(),
    "google": GoogleWire(),
    "ollama": OllamaWire(),
}


def call_for(
    upstream: Upstream,
    model: str,
    *,
    wire: str = "openai",
    said: str = "hello",
    stream: bool = True,
    timeouts: Timeouts = PATIENT,
    trusted: bool = True,
    base_url: str | None = None,
) -> Call:
    base = base_url or upstream.url + ("/v1" if wire == "openai" else "")
    request = CompletionRequest(model=model, turns=(Turn("user", said),), stream=stream)
    encoded = WIRES[wire].encode(Endpoint(wire, base, KEY, trusted), request)
    return Call(encoded, WIRES[wire], request, timeouts, (KEY,))


def in_transport(
    scenario: Callable[[Transport], Awaitable[T]],
    egress: Egress | None = None,
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run `scenario` with an open transport, in a loop made for it (by `loop`)."""

    async def whole() -> T:
        transport = Transport(egress or Egress())
        await transport.open()
        try:
            return await scenario(transport)
        finally:
            await transport.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(whole())


def run(call: Call, egress: Egress | None = None) -> list[ProviderEvent]:
    events: list[ProviderEvent] = []
    in_transport(lambda transport: transport.run(call, events.extend), egress)
    return events


def text_of(events: list[ProviderEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def thoughts_of(events: list[ProviderEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))


def http(status: str, body: bytes, *headers: str) -> bytes:
    """A whole HTTP answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")).encode() + body


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> list[ProviderEvent]:
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.end()


def joined(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """Adjacent deltas as one: how they are cut depends on the reads."""
    out: list[ProviderEvent] = []
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta) and out and type(out[-1]) is type(event):
            out[-1] = type(event)(out[-1].text + event.text)  # type: ignore[union-attr]
        else:
            out.append(event)
    return out


def cut_at(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:], strict=False)]
