"""Every way in which a provider can fail, over real sockets: what the caller gets, and never anything else."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import pytest

from api.domain import errors
from api.domain.events import Finish, Note, ProviderEvent, ToolCall, Usage
from api.providers import watch
from api.providers.base import Timeouts
from api.providers.exchange import Exchange
from api.providers.transport import Transport
from tests.providers.helpers import KEY, PATIENT, WIRES, call_for, in_transport, run, text_of, thoughts_of
from tests.upstream import Upstream

BRIEF = {
    "stall:3": Timeouts(20, 20, 0.4, 60),
    "stall": Timeouts(20, 0.4, 20, 60),
    "stall-head": Timeouts(20, 0.4, 20, 60),
}

FAULTS = [
    ("cut:5", errors.ProviderUnavailable, "1 2 3 4 5 "),
    ("no-final", errors.ProviderUnavailable, "You said: hello "),
    ("error-in-stream:4", errors.ProviderUnavailable, "1 2 3 4 "),
    ("badjson", errors.ProviderBadResponse, "You said: hello "),
    ("html", errors.ProviderBadResponse, ""),
    ("mute", errors.ProviderBadResponse, ""),
    ("redirect", errors.ProviderBadResponse, ""),
    ("gzip", errors.ProviderBadResponse, ""),
    ("huge-line:100", errors.ProviderBadResponse, ""),
    ("drop", errors.ProviderUnavailable, ""),
    ("stall", errors.ProviderTimeout, ""),
    ("stall-head", errors.ProviderTimeout, ""),
    ("stall:3", errors.ProviderTimeout, "1 2 3 "),
    ("status:400", errors.ProviderRefused, ""),
    ("status:401", errors.ProviderAuthFailed, ""),
    ("status:402", errors.ProviderRateLimited, ""),
    ("status:403", errors.ProviderAuthFailed, ""),
    ("status:404", errors.ModelNotFound, ""),
    ("status:408", errors.ProviderTimeout, ""),
    ("status:413", errors.ProviderRefused, ""),
    ("status:418", errors.ProviderError, ""),
    ("status:422", errors.ProviderRefused, ""),
    ("status:429:30", errors.ProviderRateLimited, ""),
    ("status:500", errors.ProviderUnavailable, ""),
    ("status:503:30", errors.ProviderUnavailable, ""),
    ("status:504", errors.ProviderTimeout, ""),
]


@pytest.mark.parametrize(("model", "error", "before"), FAULTS, ids=[f[0] for f in FAULTS])
@pytest.mark.parametrize("wire", WIRES)
def test_fault(upstream: Upstream, wire: str, model: str, error: type[errors.ProviderError], before: str) -> None:
    events: list[ProviderEvent] = []
    call = call_for(upstream, model, wire=wire, timeouts=BRIEF.get(model, PATIENT))
    with pytest.raises(errors.ProviderError) as caught:
        in_transport(lambda transport: transport.run(call, events.extend))
    if (wire, model) == ("google", "mute"):  # its end is the bytes' end: without a reason it counts as cut
        error = errors.ProviderUnavailable
    assert type(caught.value) is error
    assert text_of(events) == before
    assert not any(isinstance(event, Finish) for event in events)
    assert KEY not in str(caught.value)
    assert KEY[5:18] not in str(caught.value)
    assert len(caught.value.detail) < 700


@pytest.mark.parametrize("model", ["cut:5", "badjson", "html", "drop", "status:401", "error-in-stream:3"])
def test_fault_without_streaming(upstream: Upstream, model: str) -> None:
    with pytest.raises(errors.ProviderError) as caught:
        run(call_for(upstream, model, stream=False))
    assert KEY[5:18] not in str(caught.value)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["plain", "usage-last", "no-done", "bytewise", "crlf", "hang"])
def test_whole(upstream: Upstream, wire: str, stream: bool, model: str) -> None:
    events = run(call_for(upstream, model, wire=wire, stream=stream))
    assert text_of(events) == "You said: hello "
    assert [e for e in events if isinstance(e, Finish)] == [Finish("stop")]
    usage = [e for e in events if isinstance(e, Usage)]
    assert [(u.prompt_tokens, u.completion_tokens) for u in usage] == [(7, 3)]


@pytest.mark.parametrize("wire", WIRES)
def test_a_finished_reply_stays_whole(upstream: Upstream, wire: str) -> None:
    """What follows its end can be read by nobody."""
    events = run(call_for(upstream, "bad-usage", wire=wire))
    assert text_of(events) == "You said: hello "
    assert [event for event in events if isinstance(event, Finish)] == [Finish("stop")]
    told = [(event.prompt_tokens, event.completion_tokens) for event in events if isinstance(event, Usage)]
    assert told == ([(3 + 4, 1)] if wire == "anthropic" else []), "Anthropic counts at the beginning too"
    if wire != "ollama":  # which counts in the line that ends the reply
        assert ["estimated" in event.text for event in events if isinstance(event, Note)] == [True]


@pytest.mark.parametrize("wire", WIRES)
def test_a_finished_reply_needs_no_end_of_its_stream(
    upstream: Upstream, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "AFTER_END", 0.4)
    events = run(call_for(upstream, "no-done:hang", wire=wire))
    assert text_of(events) == "You said: hello "
    assert [event for event in events if isinstance(event, Finish)] == [Finish("stop")]


@pytest.mark.parametrize("wire", WIRES)
def test_reasoning_and_tools(upstream: Upstream, wire: str) -> None:
    events = run(call_for(upstream, "thinking", wire=wire))
    assert thoughts_of(events) == "hmm, yes"
    assert text_of(events) == "You said: hello "
    calls = [e for e in run(call_for(upstream, "tools", wire=wire)) if isinstance(e, ToolCall)]
    assert [(call.name, call.arguments) for call in calls] == [("weather", '{"city":"Oslo"}')]


def test_a_connection_that_failed_is_let_go_at_once(upstream: Upstream) -> None:
    """With the request that it was to carry; the collector may not come for long."""

    async def scenario(transport: Transport) -> None:
        with contextlib.suppress(errors.ProviderUnavailable):
            await transport.run(call_for(upstream, "drop"), lambda _: None)
        async with asyncio.timeout(20):
            while any(isinstance(one, Exchange) for one in gc.get_objects()):
                await asyncio.sleep(0.01)

    gc.collect()
    gc.disable()
    try:
        in_transport(scenario)
    finally:
        gc.enable()


def test_retry_after_and_the_reason_are_kept(upstream: Upstream) -> None:
    with pytest.raises(errors.ProviderRateLimited) as caught:
        run(call_for(upstream, "status:429:30"))
    assert caught.value.retry_after == 30
    assert "refused with status 429" in caught.value.detail
    assert "[redacted]" in caught.value.detail


@pytest.mark.parametrize(
    ("model", "requests"),
    [("flaky:503:1", 2), ("flaky:502:1", 2), ("flaky:529:1", 2), ("flaky:429:1:0", 2), ("drop:1", 2), ("plain", 1)],
)
def test_one_retry_before_the_first_byte(upstream: Upstream, model: str, requests: int) -> None:
    before = upstream.requests
    assert text_of(run(call_for(upstream, f"{model}#{model}"))) == "You said: hello "
    assert upstream.requests - before == requests


@pytest.mark.parametrize(
    ("model", "requests"),
    [("flaky:503:2", 2), ("flaky:500:1", 1), ("flaky:429:1:60", 1), ("flaky:503:1:60", 1), ("drop:2", 2), ("cut:1", 1)],
)
def test_never_more_than_one_retry(upstream: Upstream, model: str, requests: int) -> None:
    before = upstream.requests
    with pytest.raises(errors.ProviderError):
        run(call_for(upstream, f"{model}#never-{model}"))
    assert upstream.requests - before == requests


def test_a_reply_beyond_the_cap_is_refused(upstream: Upstream) -> None:
    seen = 0

    def sink(events: list[ProviderEvent]) -> None:
        nonlocal seen
        seen += len(text_of(events))

    with pytest.raises(errors.ProviderBadResponse, match="64 MiB"):
        in_transport(lambda transport: transport.run(call_for(upstream, "flood:80"), sink))
    assert seen < 64 * 1024 * 1024


OK = b"HTTP/1.1 200 OK\r\n"
GARBAGE = [
    b"",
    b"\r\n\r\n",
    b"garbage\r\n\r\n",
    b"\x16\x03\x01\x00\x05hello",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 " + b"x" * 200_000,
    OK + b"A: " + b"x" * 200_000 + b"\r\n\r\n",
    OK + b"A: b\r\n" * 100_000,
    OK + b"Content-Length: -5\r\n\r\n{}",
    OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    OK + b"Content-Length: 500\r\n\r\n{}",
    OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000,
    OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    OK + b"Content-Encoding: br\r\n\r\n{}",
    OK + b"Content-Type: text/event-stream\r\n\r\n",
    OK + b"Location: \xff\xfe\r\n\r\n{}",
    OK + b"Set-Cookie: a=b\r\n\r\n[]",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999999999\r\nContent-Length: 99\r\n\r\nshort",
    b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\nzz",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
]


@pytest.mark.parametrize("answer", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_hardly_http(upstream: Upstream, canned: tuple[str, list[bytes], list[bytes]], answer: bytes) -> None:
    url, answers, asked = canned
    answers.append(answer)
    with pytest.raises(errors.ProviderError) as caught:
        run(call_for(upstream, "any", base_url=url, timeouts=Timeouts(20, 1, 1, 60)))
    assert 1 <= len(asked) <= 2
    assert len(caught.value.detail) < 700


def test_a_certificate_that_nobody_knows(upstream: Upstream, self_signed: str) -> None:
    with pytest.raises(errors.ProviderUnavailable, match="certificate"):
        run(call_for(upstream, "any", base_url=self_signed))
