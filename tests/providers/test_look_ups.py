"""Names that nobody answers for: look-ups wait in threads of their own, and everything else goes on."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.domain.errors import ProviderError
from api.domain.events import ProviderEvent
from api.providers.base import Call
from api.providers.transport import Transport
from api.security.egress import Egress
from api.streams.loop import LoopThread
from tests.providers.helpers import call_for, text_of
from tests.server import until
from tests.upstream import Upstream

HANGING = 12


class Resolver:
    """The system's resolver, with names that hang until `release`. A real one cannot be made to, everywhere."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.release = threading.Event()
        self.hanging = 0

    def getaddrinfo(self, host: Any, *args: Any, **options: Any) -> Any:
        if not str(host).endswith("hangs.invalid"):
            return self._real(host, *args, **options)
        self.hanging += 1
        self.release.wait(60)
        raise socket.gaierror(socket.EAI_NONAME, "nobody knows this name")


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    yield resolver
    resolver.release.set()


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread()
    loop.start()
    with ThreadPoolExecutor(1) as usual:
        loop.loop.set_default_executor(usual)
        yield loop
        loop.stop()


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "guarded"])
def test_a_look_up_that_hangs_holds_up_nobody(
    upstream: Upstream, resolver: Resolver, loop: LoopThread, trusted: bool
) -> None:
    """Neither the loop's streams, nor its age that /health tells, nor what others do in the loop's usual thread."""
    transport = Transport(Egress())
    loop.wait_for(transport.open())
    events: list[ProviderEvent] = []
    failures: list[BaseException] = []

    async def carry(call: Call, sink: Any) -> None:
        await transport.run(call, sink)

    try:
        for number in range(HANGING):
            name = f"http://{number}.hangs.invalid:9"
            call = call_for(upstream, "plain", base_url=name, trusted=trusted)
            loop.spawn(carry, call, lambda _: None, failed=failures.append)
        until(lambda: resolver.hanging == HANGING, what="the look-ups to begin")
        before = loop.last_tick
        loop.spawn(carry, call_for(upstream, "count:50:10"), events.extend, failed=failures.append)
        until(lambda: text_of(events).endswith("50 "), what="a stream beside them")
        assert loop.wait_for(asyncio.to_thread(lambda: "done"), 20) == "done"
        until(lambda: loop.last_tick > before, what="the loop's next tick")
        assert loop.age() < 10
        assert (failures, resolver.release.is_set()) == ([], False)
    finally:
        resolver.release.set()
        until(lambda: len(failures) == HANGING, what="the ends of the calls")
        loop.wait_for(transport.close())
    assert all(isinstance(failure, ProviderError) for failure in failures)
