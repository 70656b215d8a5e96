"""Every shape in which a provider tells its usage, and what the ledger then holds, by figures worked out by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from api.domain.accounts import User
from api.domain.conversation import CompletionRequest
from api.domain.errors import ProviderError, ProviderUnavailable
from api.domain.events import Usage
from api.domain.model_facts import UNLISTED, Facts, Rate, Rates, _library
from api.domain.principal import Principal
from api.providers.base import Endpoint, Wire, WireRequest
from api.providers.wires.anthropic import AnthropicWire
from api.providers.wires.google import GoogleWire
from api.providers.wires.ollama import OllamaWire
from api.repositories.unit_of_work import Store
from api.services.generations.reckoning import Reckoning
from tests.services.machine import FOR_EVER, Machine, principal, text, waited
from tests.upstream_formats import dumps

PRICES = Rates(Rate(Decimal("3")), Rate(Decimal("15")), "hand@2026-11-21", Rate(Decimal("0.3")), Rate(Decimal("3.75")))
END = b"data: [DONE]\n\n"


def sse(*objects: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in objects)


def openai(*usage_chunks: Any, last_has_text: bool = False) -> bytes:
    said = {"choices": [{"index": 0, "delta": {"content": "1234567"}, "finish_reason": None}]}
    stop = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if last_has_text:
        return sse(said | {"usage": usage_chunks[0]}, stop) + END
    return sse(said, stop, *({"choices": [], "usage": usage} for usage in usage_chunks)) + END


def anthropic(start: Mapping[str, int], end: Mapping[str, int]) -> bytes:
    events = (
        {"type": "message_start", "message": {"usage": start}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "1234567"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": end},
        {"type": "message_stop"},
    )
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


def gemini(**usage: int) -> bytes:
    content = {"parts": [{"text": "1234567"}], "role": "model"}
    return sse({"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage})


def ollama(**counts: int) -> bytes:
    said = {"message": {"role": "assistant", "content": "1234567"}, "done": False}
    return (
        dumps(said) + b"\n" + dumps({"message": {"content": ""}, "done": True, "done_reason": "stop"} | counts) + b"\n"
    )


class Played:
    """A wire whose provider sends these bytes."""

    def __init__(self, wire: Wire, body: bytes) -> None:
        self._wire = wire
        self._body = body

    def encode(self, endpoint: Endpoint, request: CompletionRequest) -> WireRequest:
        return WireRequest("http://script.invalid/", {}, b"", trusted=True)

    def script(self, body: bytes) -> Iterator[tuple[float, bytes]]:
        yield 0.0, self._body

    def decoder(self, request: CompletionRequest) -> Any:
        return self._wire.decoder(request)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return ProviderUnavailable()


def _openai_wire() -> Wire:
    from api.providers.catalogue import Catalogue

    return Catalogue({}).wire("openai")


@pytest.fixture
def ann(register: Callable[[str], User]) -> Principal:
    user = register("ann")
    return principal(user.id, user.username)


@pytest.fixture
def machine(store: Store) -> Iterator[Machine]:
    machine = Machine(store)
    original = machine._configs.target
    machine._configs.target = lambda *a: replace(original(*a), facts=Facts(rates=PRICES))  # type: ignore[method-assign]
    machine.generations.start()
    yield machine
    machine.generations.stop()


USED = {"prompt_tokens": 1000, "completion_tokens": 200}
# prompt, completion, reasoning, cached, written, estimated, dollars
SHAPES: dict[str, tuple[Any, bytes, tuple[Any, ...]]] = {
    # 1000 × 3 + 200 × 15 = 6000 a million
    "openai, include_usage": ("openai", openai(USED), (1000, 200, None, None, None, False, "0.006")),
    # 600 × 3 + 400 × 0.3 + 200 × 15 = 1800 + 120 + 3000
    "openai, cached and reasoning": (
        "openai",
        openai(
            USED
            | {
                "prompt_tokens_details": {"cached_tokens": 400},
                "completion_tokens_details": {"reasoning_tokens": 150},
            }
        ),
        (1000, 200, 150, 400, None, False, "0.00492"),
    ),
    "openai, usage in a chunk with text": (
        "openai",
        openai(USED, last_has_text=True),
        (1000, 200, None, None, None, False, "0.006"),
    ),
    # running totals, as some servers send them: the last word counts, not the sum
    "openai, usage twice": (
        "openai",
        openai({"prompt_tokens": 1000, "completion_tokens": 7}, USED),
        (1000, 200, None, None, None, False, "0.006"),
    ),
    # "go on" is 5 bytes: ⌈5 / 3.5⌉ + 8 = 10; ⌈7 / 3.5⌉ = 2: 10 × 3 + 2 × 15 = 60
    "openai, none at all": ("openai", openai(), (10, 2, None, None, None, True, "0.00006")),
    # half a word: the prompt is the provider's, the completion ours: 1000 × 3 + 2 × 15
    "openai, only the prompt": (
        "openai",
        openai({"prompt_tokens": 1000}),
        (1000, 2, None, None, None, True, "0.00303"),
    ),
    # 100 fresh + 700 read + 200 written = 1000: 100 × 3 + 700 × 0.3 + 200 × 3.75 + 50 × 15 = 300 + 210 + 750 + 750
    "anthropic, cache reads and writes": (
        AnthropicWire(),
        anthropic(
            {
                "input_tokens": 100,
                "cache_read_input_tokens": 700,
                "cache_creation_input_tokens": 200,
                "output_tokens": 1,
            },
            {"output_tokens": 50},
        ),
        (1000, 50, None, 700, 200, False, "0.00201"),
    ),
    # thoughts are billed as output: 1000 × 3 + (50 + 150) × 15
    "gemini, thoughts": (
        GoogleWire(),
        gemini(promptTokenCount=1000, candidatesTokenCount=50, thoughtsTokenCount=150),
        (1000, 200, 150, None, None, False, "0.006"),
    ),
    "ollama, counts": (
        OllamaWire(),
        ollama(prompt_eval_count=1000, eval_count=200),
        (1000, 200, None, None, None, False, "0.006"),
    ),
    "ollama, none": (OllamaWire(), ollama(), (10, 2, None, None, None, True, "0.00006")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_usage_shapes(machine: Machine, ann: Principal, shape: str) -> None:
    wire, body, expected = SHAPES[shape]
    machine._configs.wire = Played(_openai_wire() if wire == "openai" else wire, body)  # type: ignore[assignment]
    sent = _sent(machine, ann)
    found = machine.ended(ann, sent.generation_id)
    assert found.status == "complete", found.error_detail
    prompt, completion, reasoning, cached, written, estimated, dollars = expected
    assert (found.prompt_tokens, found.completion_tokens) == (prompt, completion)
    assert (found.reasoning_tokens, found.cached_tokens, found.cache_write_tokens) == (reasoning, cached, written)
    assert (found.estimated, found.cost, found.price_source) == (estimated, Decimal(dollars), "hand@2026-11-21")
    told = next(value for _, kind, value in machine.read(ann, sent.generation_id) if kind == "usage")
    assert (told["cost"], told["estimated"]) == (dollars, estimated)
    message = machine.store.read(lambda work: work.messages.get_owned(sent.message.id, ann.user_id))
    assert message is not None
    assert message.metadata["cost"] == dollars


def _sent(machine: Machine, who: Principal) -> Any:
    from api.services.messages import Draft
    from api.services.model_configs import Wish

    return machine.messages.send(who, machine.chat(who), Draft("go on", wish=Wish(model="demo")))


def test_a_reply_that_is_stopped_has_said_more_than_its_first_count(machine: Machine, ann: Principal) -> None:
    """Anthropic counts one token at the start and the rest at the end; whoever stops between has had the text."""
    sent = machine.send(ann, machine.chat(ann), (0.0, (Usage(1000, 1),)), text("x" * 350), FOR_EVER)
    reader = machine.generations.follow(ann, str(sent.generation_id))
    waited(lambda: len(reader.cursor.log.events) > 1, "the text")
    machine.generations.stop_reply(ann, str(sent.generation_id))
    found = machine.ended(ann, sent.generation_id)
    assert (found.prompt_tokens, found.completion_tokens, found.estimated) == (1000, 100, True)
    assert found.cost == Decimal("0.0045")


def test_a_call_that_brought_nothing_is_not_estimated(machine: Machine, ann: Principal) -> None:
    sent = machine.send(ann, machine.chat(ann), (0.0, (ProviderUnavailable("gone"),)))
    found = machine.ended(ann, sent.generation_id)
    assert (found.prompt_tokens, found.completion_tokens, found.cost, found.price_source) == (None,) * 4


def test_an_unknown_price_is_null(machine: Machine, ann: Principal) -> None:
    original = machine._configs.target
    machine._configs.target = lambda *a: replace(  # type: ignore[method-assign]
        original(*a), vendor=replace(original(*a).vendor, id="custom"), model="nobody-knows", facts=Facts()
    )
    sent = machine.send(ann, machine.chat(ann), text("hello"))
    found = machine.ended(ann, sent.generation_id)
    assert (found.cost, found.price_source, found.completion_tokens) == (None, None, 2)
    told = next(value for _, kind, value in machine.read(ann, sent.generation_id) if kind == "usage")
    assert told["cost"] is None


def test_costs_are_made_neither_in_the_loop_nor_in_a_transaction(
    machine: Machine, ann: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    writing = threading.local()
    write, original = machine.store.write, Reckoning._cost

    def in_transaction(fn: Any, **options: Any) -> Any:
        def run(work: Any) -> Any:
            writing.now = True
            try:
                return fn(work)
            finally:
                writing.now = False

        return write(run, **options)

    def noted(reckoning: Reckoning, usage: Usage) -> Any:
        seen.append((threading.current_thread().name, getattr(writing, "now", False)))
        return original(reckoning, usage)

    monkeypatch.setattr(machine.store, "write", in_transaction)
    monkeypatch.setattr(Reckoning, "_cost", noted)
    sent = machine.send(ann, machine.chat(ann), text("hello"))
    machine.ended(ann, sent.generation_id)
    assert seen == [("flusher", False)]


def test_the_library_is_not_loaded_for_those_it_does_not_have() -> None:
    assert not UNLISTED & _library().keys()
