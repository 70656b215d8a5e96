"""All four protocols against a server that nobody here wrote: streams, tools and faults; see `aimock`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.domain import errors
from api.domain.conversation import CompletionRequest, ImagePart, Tool, ToolResult, Turn
from api.domain.events import Finish, ProviderEvent, ProviderPart, ToolCall, Usage
from api.providers.base import Call
from api.providers.catalogue import Catalogue
from tests.providers import aimock
from tests.providers.helpers import KEY, PATIENT, in_transport, text_of, thoughts_of

pytestmark = pytest.mark.xdist_group("aimock")

MODELS = {"openai": "o3", "anthropic": "claude-sonnet-5-5", "gemini": "gemini-3.8-flash", "ollama": "llama3.2"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", "Weather of a city", SCHEMA)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with aimock.running(KEY) as url:
        yield url


def ask(
    server: str, vendor: str, *turns: Turn, stream: bool = True, tools: tuple[Tool, ...] = (), key: str = KEY
) -> tuple[list[ProviderEvent], errors.ProviderError | None]:
    """What came, and how it failed if it did."""
    base_url = server + ("/v1" if vendor == "openai" else "")
    catalogue = Catalogue({vendor: base_url})
    wire = catalogue.wire(vendor)
    asked = CompletionRequest(MODELS[vendor], turns, "Be brief.", 0.2, max_tokens=500, stream=stream, tools=tools)
    call = Call(wire.encode(catalogue.endpoint(vendor, None, key), asked), wire, asked, PATIENT, (key,))
    events: list[ProviderEvent] = []
    try:
        in_transport(lambda transport: transport.run(call, events.extend))
    except errors.ProviderError as failure:
        return events, failure
    return events, None


def finish_of(events: list[ProviderEvent]) -> list[str]:
    return [event.reason for event in events if isinstance(event, Finish)]


@pytest.mark.parametrize("vendor", MODELS)
@pytest.mark.parametrize("stream", [True, False])
def test_text(server: str, vendor: str, stream: bool) -> None:
    events, failure = ask(server, vendor, Turn("user", "hello", (ImagePart("image/png", b"\x89PNG"),)), stream=stream)
    assert failure is None
    assert text_of(events) == 'Hello from elsewhere: 你好 🦀, naïve and "quoted"\nin two lines.'
    assert finish_of(events) == ["stop"]


@pytest.mark.parametrize("vendor", MODELS)
@pytest.mark.parametrize("stream", [True, False])
def test_tools_there_and_back(server: str, vendor: str, stream: bool) -> None:
    question = Turn("user", "weather, please")
    events, failure = ask(server, vendor, question, stream=stream, tools=(WEATHER,))
    assert failure is None
    calls = [event for event in events if isinstance(event, ToolCall)]
    assert [(call.name, call.arguments.replace(" ", "")) for call in calls] == [
        ("get_weather", '{"city":"Oslo"}'),
        ("get_weather", '{"city":"Bergen"}'),
    ]
    assert finish_of(events) == ["tool_calls"]
    kept = tuple(event for event in events if isinstance(event, ToolCall | ProviderPart))
    results = tuple(ToolResult(call.id, call.name, '{"degrees": 7}') for call in calls)
    turns = (question, Turn("assistant", "", kept), Turn("tool", "", results))
    events, failure = ask(server, vendor, *turns, stream=stream, tools=(WEATHER,))
    assert failure is None
    assert text_of(events) == "7 degrees in both."


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("stream", [True, False])
def test_thoughts_usage_and_length(server: str, vendor: str, stream: bool) -> None:
    events, _ = ask(server, vendor, Turn("user", "please-think"), stream=stream)
    assert (thoughts_of(events), text_of(events)) == ("Six times seven.", "42")
    events, _ = ask(server, vendor, Turn("user", "please-usage"), stream=stream)
    usage = [(event.prompt_tokens, event.completion_tokens) for event in events if isinstance(event, Usage)]
    assert usage == [(11, 7)]
    events, _ = ask(server, vendor, Turn("user", "please-stop-short"), stream=stream)
    assert finish_of(events) == ["length"]


@pytest.mark.parametrize("vendor", MODELS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("word", "becomes"),
    [
        ("please-401", errors.ProviderAuthFailed),
        ("please-malformed", (errors.ProviderBadResponse, errors.ProviderUnavailable)),
    ],
)
def test_faults(
    server: str, vendor: str, stream: bool, word: str, becomes: type[errors.ProviderError] | tuple[type, ...]
) -> None:
    events, failure = ask(server, vendor, Turn("user", word), stream=stream)
    assert isinstance(failure, becomes)
    assert not finish_of(events)


@pytest.mark.parametrize("vendor", MODELS)
@pytest.mark.parametrize(
    ("word", "becomes"),
    [
        ("please-429", errors.ProviderRateLimited),
        ("please-529", errors.ProviderUnavailable),
        ("please-hang-up", errors.ProviderUnavailable),
    ],
)
def test_faults_that_are_tried_again_first(
    server: str, vendor: str, word: str, becomes: type[errors.ProviderError]
) -> None:
    events, failure = ask(server, vendor, Turn("user", word))
    assert isinstance(failure, becomes)
    assert not events


@pytest.mark.parametrize("vendor", MODELS)
def test_a_stream_that_breaks_off_keeps_its_text(server: str, vendor: str) -> None:
    events, failure = ask(server, vendor, Turn("user", "please-truncate"))
    assert isinstance(failure, errors.ProviderUnavailable)
    assert text_of(events).startswith("one")
    assert not finish_of(events)


@pytest.mark.parametrize("vendor", MODELS)
def test_another_key_is_refused(server: str, vendor: str) -> None:
    events, failure = ask(server, vendor, Turn("user", "hello"), key="sk-other-0123456789abcdef")
    assert isinstance(failure, errors.ProviderAuthFailed)
    assert not events
