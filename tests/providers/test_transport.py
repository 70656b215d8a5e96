"""How the transport keeps its promises: time-outs, cancelling, pools, the guard, and what it asks of the loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
import uvloop

from api.domain import errors
from api.domain.events import ProviderEvent, TextDelta
from api.providers.base import Timeouts
from api.providers.transport import Transport
from api.security.egress import Egress, parse_allowed
from tests.providers.helpers import PATIENT, call_for, in_transport, run, text_of
from tests.upstream import Upstream


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections into a full backlog and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("model", "timeouts", "words"),
    [
        ("stall", Timeouts(20, 0.3, 20, 20), "did not begin"),
        ("stall-head", Timeouts(20, 0.3, 20, 20), "did not begin"),
        ("stall:2", Timeouts(20, 20, 0.3, 20), "stopped sending for 0.3 s"),
        ("count:10000:5", Timeouts(20, 20, 20, 0.4), "longer than the 0.4 s"),
    ],
)
def test_each_time_out_says_which_it_was(upstream: Upstream, model: str, timeouts: Timeouts, words: str) -> None:
    started = time.monotonic()
    with pytest.raises(errors.ProviderTimeout, match=words):
        run(call_for(upstream, model, timeouts=timeouts))
    assert 0.25 < time.monotonic() - started < 10
    upstream.wait(lambda up: up.active == 0)


def test_connect_time_out(upstream: Upstream, deaf_port: int) -> None:
    call = call_for(upstream, "plain", base_url=f"http://127.0.0.1:{deaf_port}", timeouts=Timeouts(0.3, 20, 20, 20))
    with pytest.raises(errors.ProviderTimeout, match="No connection"):
        run(call)


def test_slow_but_steady_is_not_late(upstream: Upstream) -> None:
    events = run(call_for(upstream, "count:26:100", timeouts=Timeouts(20, 20, 2, 60)))
    assert text_of(events) == "".join(f"{n} " for n in range(1, 27))


def test_time_outs_under_uvloop(upstream: Upstream) -> None:
    async def scenario() -> None:
        transport = Transport(Egress())
        await transport.open()
        try:
            with pytest.raises(errors.ProviderTimeout, match="stopped sending"):
                await transport.run(call_for(upstream, "stall:2", timeouts=Timeouts(20, 20, 0.3, 20)), lambda _: None)
        finally:
            await transport.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@pytest.mark.parametrize("model", ["stall", "stall-head", "stall:3", "count:100000:1"])
def test_cancelling_closes_the_providers_connection_at_once(upstream: Upstream, model: str) -> None:
    async def scenario(transport: Transport) -> None:
        begun = asyncio.Event()
        served = len(upstream.served)
        task = asyncio.create_task(transport.run(call_for(upstream, model), lambda _: begun.set()))
        if model in {"stall", "stall-head"}:
            await asyncio.to_thread(upstream.wait, lambda up: len(up.served) > served)
        else:
            await begun.wait()
        await asyncio.to_thread(upstream.wait, lambda up: up.active >= 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(upstream.wait, lambda up: up.active == 0)
        assert upstream.served[-1].left

    in_transport(scenario)


def test_a_finished_call_leaves_its_connection_for_the_next(upstream: Upstream) -> None:
    async def scenario(transport: Transport) -> int:
        upstream.wait(lambda up: up.open_connections == 0)
        for _ in range(5):
            await transport.run(call_for(upstream, "plain"), lambda _: None)
        return upstream.open_connections

    assert in_transport(scenario) == 1


def test_the_guarded_pool_never_lends_from_the_trusted_one(upstream: Upstream) -> None:
    async def scenario(transport: Transport) -> None:
        await transport.run(call_for(upstream, "plain"), lambda _: None)
        with pytest.raises(errors.AddressForbidden):
            await transport.run(call_for(upstream, "plain", trusted=False), lambda _: None)

    in_transport(scenario)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_a_refusal_is_no_oracle(upstream: Upstream, host: str, deaf_port: int) -> None:
    """Something listens, nothing listens, something filters: the text differs by the port alone."""
    before = upstream.requests
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    texts = set()
    for port in (upstream.port, closed, deaf_port):
        with pytest.raises(errors.AddressForbidden) as caught:
            run(call_for(upstream, "plain", trusted=False, base_url=f"http://{host}:{port}"))
        texts.add(caught.value.detail.replace(str(port), "PORT"))
    assert len(texts) == 1
    assert "ALLOWED_PRIVATE_HOSTS" in texts.pop()
    assert upstream.requests == before


def test_the_operator_can_allow_one_host_and_port(upstream: Upstream) -> None:
    egress = Egress(parse_allowed(f"localhost:{upstream.port}"))
    allowed = call_for(upstream, "plain", trusted=False, base_url=f"http://localhost:{upstream.port}/v1")
    assert text_of(run(allowed, egress)) == "You said: hello "
    for other in (f"http://127.0.0.1:{upstream.port}", f"http://localhost:{upstream.port + 1}"):
        with pytest.raises(errors.AddressForbidden):
            run(call_for(upstream, "plain", trusted=False, base_url=other), egress)


@pytest.mark.parametrize(
    "address", ["http://no-such-host.invalid/v1", "http://2130706433:80", "http://[::1", "nonsense"]
)
@pytest.mark.parametrize("trusted", [True, False])
def test_addresses_that_lead_nowhere(upstream: Upstream, address: str, trusted: bool) -> None:
    with pytest.raises(errors.ProviderError):
        run(call_for(upstream, "plain", trusted=trusted, base_url=address))


def test_a_closed_transport_says_so(upstream: Upstream) -> None:
    async def scenario() -> None:
        transport = Transport(Egress())
        with pytest.raises(errors.ProviderUnavailable):
            await transport.run(call_for(upstream, "plain"), lambda _: None)

    asyncio.run(scenario())


def test_closing_ends_running_calls_typed(upstream: Upstream) -> None:
    async def scenario(transport: Transport) -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(transport.run(call_for(upstream, "stall:3"), lambda _: begun.set()))
        await begun.wait()
        await transport.close()
        with pytest.raises(errors.ProviderUnavailable):
            await task

    in_transport(scenario)


def test_many_at_once_are_not_limited(upstream: Upstream) -> None:
    """All of them stall at the same moment, so each needs a connection of its own; the loop stays free."""

    async def scenario(transport: Transport) -> None:
        begun = [asyncio.Event() for _ in range(150)]
        tasks = [
            asyncio.create_task(transport.run(call_for(upstream, "stall:1"), lambda _, event=event: event.set()))
            for event in begun
        ]
        async with asyncio.timeout(PATIENT.total):
            await asyncio.gather(*(event.wait() for event in begun))
        assert upstream.active == 150
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    in_transport(scenario)


def test_what_arrives_together_is_given_together(upstream: Upstream) -> None:
    reads: list[list[ProviderEvent]] = []
    in_transport(lambda transport: transport.run(call_for(upstream, "count:500:0"), reads.append))
    texts = [event.text for read in reads for event in read if isinstance(event, TextDelta)]
    assert "".join(texts) == "".join(f"{n} " for n in range(1, 501))
    assert all(reads)
    for read in reads:
        assert sum(isinstance(event, TextDelta) for event in read) <= 1


def test_nothing_of_the_environment_is_used(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert text_of(run(call_for(upstream, "plain#env"))) == "You said: hello "
    served = upstream.sent("env")
    assert served is not None
    assert served.headers["accept-encoding"] == "identity"
    assert "cookie" not in served.headers
