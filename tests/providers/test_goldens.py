"""The wires against golden files: the requests we send, and the events that recorded answers make."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain import errors
from api.domain.conversation import (
    CompletionRequest,
    ImagePart,
    NamedTool,
    ResponseFormat,
    TextPart,
    Tool,
    ToolResult,
    Turn,
)
from api.domain.events import Finish, ProviderEvent, ProviderPart, ReasoningDelta, TextDelta, ToolCall, Usage
from api.providers.base import Decoder, Endpoint
from api.providers.wires.openai import OpenAIWire
from tests import hypothesis_profiles  # noqa: F401
from tests.providers.helpers import WIRES, cut_at, decode, joined

GOLDEN = Path(__file__).parent.parent / "golden"
ALL_WIRES = WIRES | {"openai": OpenAIWire(tokens_field="max_completion_tokens")}
TURNS = (Turn("user", "Hi 👋"), Turn("assistant", "Hello!"), Turn("user", "介绍一下RUST"))
FULL = CompletionRequest("m", TURNS, "Be brief.", 0.2, 0.9, 64)
SHORT = CompletionRequest("local", (Turn("user", "Hi"),), max_tokens=5, stream=False)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
IMAGE = ImagePart("image/png", b"\x89PNG\r\n")
RICH = CompletionRequest(
    "m",
    (
        Turn("user", "What is the weather here?", (IMAGE, TextPart("(see the picture)"))),
        Turn(
            "assistant",
            "I will look.",
            (
                ProviderPart("anthropic", "m", '{"type":"thinking","thinking":"Hm","signature":"c2ln"}'),
                ProviderPart("anthropic", "other", '{"type":"thinking","thinking":"No","signature":"bm8="}'),
                ProviderPart("google", "m", '{"text":"","thoughtSignature":"c2ln"}'),
                ProviderPart("openai", "m", '{"reasoning_content":"Hm"}'),
                ProviderPart("openai", "m", "not json"),
                ToolCall("call_a", "weather", '{"city":"Oslo"}', "c2lnbmVk"),
                ToolCall("call_1", "now", ""),
            ),
        ),
        Turn(
            "tool",
            "",
            (ToolResult("call_a", "weather", '{"degrees":7}'), ToolResult("call_1", "", "no clock", is_error=True)),
        ),
        Turn("user", "And now?"),
    ),
    "Be brief.",
    tools=(Tool("weather", "Weather of a city", SCHEMA, strict=True), Tool("now")),
    tool_choice=NamedTool("weather"),
    response_format=ResponseFormat(SCHEMA, "place", strict=True),
    stop=("END",),
    seed=7,
    extra={"model": "never", "user": "u1"},
)
PATHS = {
    "openai": "/chat/completions",
    "ollama": "/api/chat",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/m:streamGenerateContent?alt=sse",
}
KEY_HEADERS = {"anthropic": ("x-api-key", "sk-key"), "google": ("x-goog-api-key", "sk-key")}

GOLDENS: dict[str, list[ProviderEvent]] = {
    "openai/plain.sse": [TextDelta("Hello 你好 🦀"), Finish("stop"), Usage(9, 4, 1, 2)],
    "openai/reasoning-openrouter.sse": [
        ReasoningDelta("Let me think."),
        TextDelta("42"),
        Finish("length"),
        Usage(5, 7),
    ],
    "openai/tools-deepseek.sse": [
        ReasoningDelta("Which city?"),
        ProviderPart("openai", "m", '{"reasoning_content":"Which city?"}'),
        ToolCall("call_1", "weather", '{"city": "Oslo"}'),
        ToolCall("call_2", "time", "{}"),
        Finish("tool_calls"),
        Usage(1, 2, None, 1),
    ],
    "openai/mistral-parts.sse": [ReasoningDelta("Hm."), TextDelta("A b"), Finish("filtered")],
    "openai/crlf-multiline.sse": [TextDelta("two lines"), Finish("stop")],
    "openai/surrogates.sse": [TextDelta("a😀b\ufffdc\ufffdd\ufffde\ufffd"), Finish("stop")],
    "openai/whole.json": [
        ReasoningDelta("Greet."),
        TextDelta("Hello."),
        ProviderPart("openai", "m", '{"reasoning_content":"Greet."}'),
        ToolCall("call_9", "f", '{"a":1}'),
        Finish("stop"),
        Usage(3, 2),
    ],
    "ollama/plain.ndjson": [ReasoningDelta("Greet. "), TextDelta("Hello 你好"), Usage(26, 8), Finish("stop")],
    "ollama/tools.ndjson": [
        ToolCall("call_0", "weather", '{"city":"Oslo","days":2}'),
        ToolCall("call_1", "weather", '{"city":"Bergen"}'),
        Usage(5, 6),
        Finish("tool_calls"),
    ],
    "ollama/whole.json": [TextDelta("Hello."), Usage(4, 3), Finish("length")],
    "anthropic/thinking-tools.sse": [
        ReasoningDelta("Which city?"),
        ProviderPart("anthropic", "m", '{"type":"thinking","thinking":"Which city?","signature":"EqQBCkYIARgCKkA="}'),
        ProviderPart("anthropic", "m", '{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3p"}'),
        TextDelta("Ich sehe nach: 🌦"),
        ToolCall("toolu_01", "weather", '{"city": "Oslo"}'),
        ToolCall("toolu_02", "now", "{}"),
        Usage(2112, 89, None, 2000, cache_write_tokens=100),
        Finish("tool_calls"),
    ],
    "anthropic/refusal.sse": [TextDelta("I"), Usage(5, 2), Finish("filtered")],
    "anthropic/whole.json": [
        ReasoningDelta("Greet."),
        ProviderPart("anthropic", "m", '{"type":"thinking","thinking":"Greet.","signature":"c2ln"}'),
        TextDelta("Hello."),
        ToolCall("toolu_9", "f", '{"a":1}'),
        Usage(3, 2, None, 0, cache_write_tokens=0),
        Finish("length"),
    ],
    "google/thoughts.sse": [
        ReasoningDelta("**Counting**\n"),
        TextDelta("Hello 你好 🦀"),
        ProviderPart("google", "m", '{"text":"","thoughtSignature":"EjQKMgFy"}'),
        Usage(9, 25, 21, 3),
        Finish("stop"),
    ],
    "google/tools.sse": [
        ToolCall("call_0", "weather", '{"city":"Oslo"}', "U2lnbmVk"),
        ToolCall("fc-2", "now", "{}"),
        Usage(5, 6),
        Finish("tool_calls"),
    ],
    "google/safety.sse": [TextDelta("First, "), Finish("filtered")],
    "google/whole.json": [ReasoningDelta("Greet."), TextDelta("Hello."), Usage(4, 3), Finish("length")],
}


def decoder_for(name: str) -> Decoder:
    return ALL_WIRES[name.split("/", maxsplit=1)[0]].decoder(FULL)


@pytest.mark.parametrize("wire", ALL_WIRES)
@pytest.mark.parametrize(("name", "asked"), [("stream", FULL), ("whole", SHORT), ("rich", RICH)])
def test_what_we_send(wire: str, name: str, asked: CompletionRequest) -> None:
    model = {("openai", "stream"): "gpt-4o-mini", ("ollama", "stream"): "llama3.2"}.get((wire, name), asked.model)
    encoder = WIRES[wire] if name == "whole" else ALL_WIRES[wire]
    asked = dataclasses.replace(asked, model=model)
    sent = encoder.encode(Endpoint(wire, "http://host/base/", "sk-key", False), asked)
    assert sent.body == (GOLDEN / wire / f"request-{name}.json").read_bytes().strip()
    if wire != "google" or name != "whole":
        assert sent.url == "http://host/base" + PATHS[wire]
    header, value = KEY_HEADERS.get(wire, ("Authorization", "Bearer sk-key"))
    assert sent.headers[header] == value
    assert (sent.method, sent.trusted) == ("POST", False)
    assert "sk-key" not in repr(sent)
    assert header not in encoder.encode(Endpoint(wire, "http://host", None, True), asked).headers


@pytest.mark.parametrize(
    ("base", "model", "stream", "url"),
    [
        ("http://h", "m", True, "http://h/v1beta/models/m:streamGenerateContent?alt=sse"),
        ("http://h/v1beta", "models/m", False, "http://h/v1beta/models/m:generateContent"),
        ("http://h/v1/", "tunedModels/a b", False, "http://h/v1/tunedModels/a%20b:generateContent"),
        (
            "http://h/v1alpha",
            "../../x?key=1#y",
            False,
            "http://h/v1alpha/models/..%2F..%2Fx%3Fkey%3D1%23y:generateContent",
        ),
    ],
)
def test_a_models_name_stays_inside_its_path(base: str, model: str, stream: bool, url: str) -> None:
    asked = CompletionRequest(model, (Turn("user", "Hi"),), stream=stream)
    assert WIRES["google"].encode(Endpoint("gemini", base, "k", True), asked).url == url


@pytest.mark.parametrize("base", ["http://h", "http://h/", "http://h/v1"])
def test_anthropics_base_url_may_name_the_version(base: str) -> None:
    assert WIRES["anthropic"].encode(Endpoint("anthropic", base, "k", True), SHORT).url == "http://h/v1/messages"


@pytest.mark.parametrize("wire", ALL_WIRES)
@pytest.mark.parametrize("choice", ["auto", "none", "required", None])
def test_tool_choices_and_plain_json(wire: str, choice: Any) -> None:
    asked = dataclasses.replace(RICH, tool_choice=choice, response_format=ResponseFormat())
    sent = ALL_WIRES[wire].encode(Endpoint(wire, "http://h", None, True), asked)
    body = json.loads(sent.body)
    shown = body.get("tool_choice")
    if wire == "anthropic":
        shown = shown and shown["type"]
    elif wire == "google":
        shown = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    elif wire == "ollama":
        shown = choice if "tools" in body else "none"
    words = {"required": {"anthropic": "any", "google": "ANY"}, "auto": {"google": "AUTO"}, "none": {"google": "NONE"}}
    assert shown == words.get(choice, {}).get(wire, choice)
    if wire == "ollama":
        assert [note.split(" ")[0] for note in sent.notes] == (["tool_choice"] if choice == "required" else [])


def test_a_call_without_a_signature_gets_the_documented_stand_in() -> None:
    turns = (Turn("user", "?"), Turn("assistant", "", (ToolCall("call_0", "f", "{}"), ToolCall("call_1", "g", "[1]"))))
    for model, signature in (("gemini-3.8-flash", "skip_thought_signature_validator"), ("gemini-2.5-pro", None)):
        sent = WIRES["google"].encode(Endpoint("gemini", "http://h", None, True), CompletionRequest(model, turns))
        parts = json.loads(sent.body)["contents"][1]["parts"]
        assert parts[0].get("thoughtSignature") == signature
        assert parts[1] == {"functionCall": {"name": "g", "args": {"value": [1]}}}


def test_anthropic_gets_nothing_that_it_refuses() -> None:
    turns = (
        Turn("system", "From the middle."),
        Turn("user", " "),
        Turn("user", "one"),
        Turn("user", "two"),
        Turn("assistant", "begun \n"),
    )
    asked = CompletionRequest("m", turns, "Top.", temperature=1.7, top_p=0.5)
    sent = WIRES["anthropic"].encode(Endpoint("anthropic", "http://h", None, True), asked)
    body = json.loads(sent.body)
    one, two = ({"type": "text", "text": text} for text in ("one", "two"))
    assert body["system"] == "Top.\n\nFrom the middle."
    assert body["messages"] == [{"role": "user", "content": [one, two]}, {"role": "assistant", "content": "begun"}]
    assert (body["temperature"], "top_p" in body, body["max_tokens"]) == (1.0, False, 16_000)
    assert [note.split(" ")[0] for note in sent.notes] == ["temperature", "top_p"]


@pytest.mark.parametrize("file", GOLDENS)
def test_what_we_read(file: str) -> None:
    data = (GOLDEN / file).read_bytes()
    assert decode(decoder_for(file), [data]) == GOLDENS[file]
    assert joined(decode(decoder_for(file), [data[i : i + 1] for i in range(len(data))])) == GOLDENS[file]
    assert (
        joined(decode(decoder_for(file), [b"\xef\xbb\xbf"[: 3 * (not file.startswith("ollama"))] + data]))
        == GOLDENS[file]
    )


@pytest.mark.parametrize("file", GOLDENS)
@given(cuts=st.lists(st.integers(0, 2500), max_size=30))
def test_cuts_change_nothing(file: str, cuts: list[int]) -> None:
    pieces = cut_at((GOLDEN / file).read_bytes(), cuts)
    assert joined(decode(decoder_for(file), pieces)) == GOLDENS[file]


@pytest.mark.parametrize("file", GOLDENS)
def test_every_truncation_is_whole_or_unavailable(file: str) -> None:
    data = (GOLDEN / file).read_bytes()
    for length in range(len(data)):
        events: list[ProviderEvent] = []
        decoder = decoder_for(file)
        try:
            events += decoder.feed(data[:length])
            events += decoder.end()
        except errors.ProviderUnavailable:
            assert not any(isinstance(event, Finish) for event in events), length
        else:
            assert any(isinstance(event, Finish) for event in events), length


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("openai/error-in-stream.sse", errors.ProviderRateLimited),
        ("ollama/error.ndjson", errors.ProviderError),
        ("anthropic/error-in-stream.sse", errors.ProviderUnavailable),
        ("google/error-in-stream.sse", errors.ProviderRateLimited),
    ],
)
def test_text_before_an_error_in_the_same_bytes_is_not_lost(file: str, error: type[errors.ProviderError]) -> None:
    decoder = decoder_for(file)
    assert decoder.feed((GOLDEN / file).read_bytes()) == [TextDelta("Some ")]
    assert decoder.done
    with pytest.raises(error):
        decoder.end()
