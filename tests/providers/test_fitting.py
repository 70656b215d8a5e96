"""What a server refuses is left out: once asked again without it, remembered, and told to the user."""

from __future__ import annotations

import dataclasses
import json

import pytest

from api.domain import errors
from api.domain.conversation import CompletionRequest, Turn
from api.domain.events import Note, ProviderEvent, ProviderPart
from api.providers.base import Call, Endpoint, LearningWire, Wire
from api.providers.fitting import MAX_REMEMBERED, Family, Refusals
from api.providers.wires.anthropic import AnthropicWire
from api.providers.wires.google import GoogleWire
from api.providers.wires.openai import OpenAIWire
from tests.providers.helpers import KEY, PATIENT, run, text_of
from tests.upstream import Upstream

HOT = CompletionRequest("m", (Turn("user", "hello"),), None, 0.2, 0.9, 5, seed=7, stop=("END",))


def ask(upstream: Upstream, wire: Wire, model: str, asked: CompletionRequest = HOT) -> list[ProviderEvent]:
    asked = dataclasses.replace(asked, model=model)
    base = upstream.url + ("/v1" if isinstance(wire, OpenAIWire) else "")
    sent = wire.encode(Endpoint("any", base, KEY, True), asked)
    return run(Call(sent, wire, asked, PATIENT, (KEY,)))


def test_stream_options_are_left_out_for_the_whole_server(upstream: Upstream) -> None:
    wire = OpenAIWire()
    before = upstream.requests
    events = ask(upstream, wire, "refuse:stream_options#so1")
    assert text_of(events) == "You said: hello "
    assert not any(isinstance(event, Note) for event in events)
    assert upstream.requests - before == 2
    assert text_of(ask(upstream, wire, "plain#so2")) == "You said: hello "
    assert upstream.requests - before == 3
    sent = upstream.sent("so2")
    assert sent is not None
    assert "stream_options" not in sent.body
    other = wire.encode(Endpoint("any", "http://other/v1", KEY, True), HOT)
    assert b"stream_options" in other.body


@pytest.mark.parametrize(
    ("wire", "refused", "left_out"),
    [
        (OpenAIWire(), "temperature", ["temperature"]),
        (OpenAIWire(), "temperature:top_p:seed:stream_options:stop", ["temperature", "top_p", "seed", "stop"]),
        (AnthropicWire(), "temperature", ["top_p", "seed", "temperature"]),
        (AnthropicWire((Family("refuse", adds={"thinking": {"type": "adaptive"}}),)), "thinking", ["top_p", "seed"]),
        (GoogleWire(), "topP:seed", ["top_p", "seed"]),
        (GoogleWire((Family("refuse", adds={"thinkingConfig": {}}),)), "thinkingConfig", []),
    ],
)
def test_parameters_are_left_out_for_the_model_with_a_note(
    upstream: Upstream, wire: Wire, refused: str, left_out: list[str]
) -> None:
    model = f"refuse:{refused}#{type(wire).__name__}{refused}"
    before = upstream.requests
    asked = wire.encode(Endpoint("any", "http://h", KEY, True), HOT)
    events = ask(upstream, wire, model)
    assert text_of(events) == "You said: hello "
    told = [*asked.notes, *(event.text for event in events if isinstance(event, Note))]
    assert sorted({note.split(" ")[0] for note in told}) == sorted(left_out)
    assert upstream.requests - before == 1 + len(refused.split(":"))
    events = ask(upstream, wire, model)
    assert upstream.requests - before == 2 + len(refused.split(":"))
    assert not any(isinstance(event, Note) for event in events)
    again = wire.encode(Endpoint("any", upstream.url + ("/v1" * isinstance(wire, OpenAIWire)), KEY, True), HOT)
    assert again.notes == asked.notes  # another model, the old request


def test_the_limits_other_name_is_tried(upstream: Upstream) -> None:
    assert text_of(ask(upstream, OpenAIWire(), "refuse:max_tokens#mt")) == "You said: hello "
    sent = upstream.sent("mt")
    assert sent is not None
    assert sent.body["max_completion_tokens"] == 5


def test_a_refusal_that_stays_is_an_error_and_nothing_is_learned(upstream: Upstream) -> None:
    wire = OpenAIWire()
    before = upstream.requests
    with pytest.raises(errors.ProviderError, match="messages"):
        ask(upstream, wire, "refuse:stream_options:messages")
    assert upstream.requests - before == 2
    assert b"stream_options" in wire.encode(Endpoint("any", upstream.url + "/v1", KEY, True), HOT).body


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "temperature must be at most 1"),
        (400, "Invalid value: 'stream_options' in your message"),
        (401, "Unsupported parameter: temperature"),
        (400, "the user said: temperature"),
        (400, ""),
    ],
)
def test_other_refusals_are_errors_at_once(status: int, message: str) -> None:
    wire = OpenAIWire()
    sent = wire.encode(Endpoint("any", "http://h/v1", KEY, True), HOT)
    assert wire.without_refused(sent, HOT, status, json.dumps({"error": {"message": message}}).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Unsupported parameter: 'stream_options'", "param": "stream_options"}},
        {
            "detail": [
                {"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}
            ]
        },
        {"message": "stream_options is not supported", "object": "error"},
        {"error": "unknown field stream_options"},
        {"error": {"message": "Unrecognized request argument supplied: stream_options"}},
    ],
)
def test_ways_to_refuse(body: object) -> None:
    wire = OpenAIWire()
    sent = wire.encode(Endpoint("any", "http://h/v1", KEY, True), HOT)
    again = wire.without_refused(sent, HOT, 422, json.dumps(body).encode())
    assert again is not None
    assert "stream_options" not in json.loads(again.body)
    assert "temperature" in json.loads(again.body)


def test_thoughts_that_are_not_accepted_are_left_out_once() -> None:
    wire = AnthropicWire()
    part = ProviderPart("anthropic", "m", '{"type":"thinking","thinking":"Hm","signature":"c2ln"}')
    asked = CompletionRequest("m", (Turn("user", "?"), Turn("assistant", "x", (part,)), Turn("user", "?")))
    sent = wire.encode(Endpoint("any", "http://h", KEY, True), asked)
    body = b'{"type":"error","error":{"message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}'
    again = wire.without_refused(sent, asked, 400, body)
    assert again is not None
    assert b"c2ln" not in again.body
    wire.remember(again, asked)
    assert b"c2ln" in wire.encode(Endpoint("any", "http://h", KEY, True), asked).body


def test_anthropic_thinks_or_is_forced_to_a_tool() -> None:
    from api.domain.conversation import Tool

    wire = AnthropicWire((Family("m", adds={"thinking": {"type": "adaptive"}}),))
    asked = dataclasses.replace(HOT, tools=(Tool("f"),), tool_choice="required")
    assert json.loads(wire.encode(Endpoint("a", "http://h", KEY, True), asked).body)["thinking"] == {"type": "disabled"}
    asked = dataclasses.replace(asked, extra={"thinking": {"type": "enabled", "budget_tokens": 1024}})
    assert json.loads(wire.encode(Endpoint("a", "http://h", KEY, True), asked).body)["thinking"]["type"] == "enabled"


def test_the_memory_is_bounded() -> None:
    memory = Refusals()
    for number in range(MAX_REMEMBERED + 10):
        memory.remember("http://h", f"m{number}", frozenset({"seed"}))
    assert memory.of("http://h", "m0") == frozenset()
    assert memory.of("http://h", f"m{MAX_REMEMBERED}") == {"seed"}
    assert len(memory._known) == MAX_REMEMBERED


def test_which_wires_learn() -> None:
    assert isinstance(OpenAIWire(), LearningWire)
    assert isinstance(AnthropicWire(), LearningWire)
    assert isinstance(GoogleWire(), LearningWire)
