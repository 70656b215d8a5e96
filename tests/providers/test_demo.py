"""The demo model does what its documentation says."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from api.domain import errors
from api.domain.conversation import CompletionRequest, Turn
from api.domain.events import Finish, ProviderEvent, Usage
from api.providers.base import Call, Endpoint, Timeouts
from api.providers.wires import demo
from api.providers.wires.demo import DemoWire
from tests.providers.helpers import PATIENT, in_transport, text_of, thoughts_of
from tests.server import ROOT

WIRE = DemoWire()


def call(said: str, model: str = "demo", timeouts: Timeouts = PATIENT, max_tokens: int | None = None) -> Call:
    request = CompletionRequest(model, (Turn("user", said),), "One two", max_tokens=max_tokens)
    return Call(WIRE.encode(Endpoint("demo", "demo:///", None, True), request), WIRE, request, timeouts)


def reply(said: str, model: str = "demo", max_tokens: int | None = None) -> list[ProviderEvent]:
    events: list[ProviderEvent] = []
    in_transport(lambda transport: transport.run(call(said, model, max_tokens=max_tokens), events.extend))
    return events


def test_it_says_what_it_is_and_repeats() -> None:
    events = reply("What is 介绍 🦀?  demo:fast")
    assert text_of(events).startswith("This is Parley's demo model")
    assert text_of(events).endswith("You said:\n\nWhat is 介绍 🦀?  demo:fast")
    usage, finish = events[-2:]
    assert isinstance(usage, Usage)
    assert usage.prompt_tokens == 2 + 5
    assert usage.completion_tokens == len(events) - 2
    assert finish == Finish("stop")


def test_count_and_limit() -> None:
    assert text_of(reply("demo:fast demo:count 250")) == " ".join(map(str, range(1, 251)))
    events = reply("demo:fast demo:count 250", max_tokens=3)
    assert text_of(events) == "1 2 3 "
    assert events[-1] == Finish("length")


def test_markdown_long_and_thinking() -> None:
    markdown = text_of(reply("demo:fast demo:markdown"))
    for part in ("```python\ndef greet", "| Python   | 1991  |", "$$\\int_0^1", "$e^{i\\pi} + 1 = 0$"):
        assert part in markdown
    assert len(text_of(reply("demo:fast demo:long")).split()) > 500
    events = reply("demo:fast hi", "demo-thinking")
    assert thoughts_of(events)
    assert text_of(events).startswith("This is Parley's demo")


@pytest.mark.parametrize(
    ("said", "model", "error", "some"),
    [
        ("demo:fail demo:fast", "demo", errors.ProviderUnavailable, True),
        ("demo:cut demo:fast", "demo", errors.ProviderUnavailable, True),
        ("demo:rate-limit", "demo", errors.ProviderRateLimited, False),
        ("hello", "gpt-9", errors.ModelNotFound, False),
    ],
)
def test_failures(said: str, model: str, error: type[errors.ProviderError], some: bool) -> None:
    events: list[ProviderEvent] = []
    with pytest.raises(error) as caught:
        in_transport(lambda transport: transport.run(call(said, model), events.extend))
    assert bool(text_of(events)) is some
    assert caught.value.retry_after == (7.0 if error is errors.ProviderRateLimited else None)
    word = said.partition(" ")[0]
    if word in {"demo:fail", "demo:rate-limit"}:
        assert f"your message asked the demo to {'fail' if some else 'refuse it'} ({word})" in str(caught.value)


def test_users_are_told_of_all_words_that_direct_it() -> None:
    words = re.compile(r"demo:[a-z][a-z-]*")
    assert set(words.findall(demo.__doc__ or "")) == set(
        words.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    )


def test_stall_meets_the_time_out() -> None:
    with pytest.raises(errors.ProviderTimeout, match="stopped sending"):
        in_transport(lambda t: t.run(call("demo:stall demo:fast", timeouts=Timeouts(9, 9, 0.3, 20)), lambda _: None))


def test_pace_and_cancelling() -> None:
    events: list[ProviderEvent] = []
    started = time.monotonic()
    in_transport(lambda transport: transport.run(call("demo:count 10"), events.extend))
    assert time.monotonic() - started >= 0.2

    async def stopped(transport: object) -> None:
        from api.providers.transport import Transport

        assert isinstance(transport, Transport)
        begun = asyncio.Event()
        task = asyncio.create_task(transport.run(call("demo:long demo:slow"), lambda _: begun.set()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    in_transport(stopped)
