"""Servers that refuse early, say too much, or break off: what was told is kept, and the next call works."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
import uvloop

from api.domain.conversation import CompletionRequest, Turn
from api.domain.errors import ProviderError
from api.domain.events import ProviderEvent
from api.providers.base import Call, Endpoint
from api.providers.transport import Transport
from tests.providers.helpers import PATIENT, WIRES, in_transport, text_of
from tests.providers.served import LONG, OK, SIZED, Server, call


@pytest.mark.parametrize("refused", [True, False])
def test_a_request_that_nobody_waits_for_is_not_sent_to_its_end(refused: bool) -> None:
    size, taken, faults = 50_000_000, asyncio.Event(), list[str]()
    arrived = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        await reader.readuntil(b"\r\n\r\n")
        if refused:
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        asked.set()
        await ended.wait()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                arrived += len(data)
        writer.close()
        taken.set()

    asked, ended = asyncio.Event(), asyncio.Event()

    async def scenario(to: Transport) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(str(context)))
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        large = CompletionRequest(model="m", turns=(Turn("user", "x" * size),))
        wire = WIRES["openai"]
        encoded = wire.encode(Endpoint("openai", url, None, True), large)
        sending = asyncio.create_task(to.run(Call(encoded, wire, large, PATIENT), lambda _: None))
        await asked.wait()
        if not refused:
            sending.cancel()
        with pytest.raises(ProviderError if refused else asyncio.CancelledError):
            await sending
        ended.set()
        await taken.wait()
        await asyncio.sleep(0.1)
        server.close()

    in_transport(scenario, loop=uvloop.new_event_loop)
    assert arrived < size / 2, "what lay in the sockets' buffers"
    assert faults == []


def test_connections_with_bytes_that_nobody_asked_for_cost_no_attempt() -> None:
    """Three lie in the pool, each with a line's end too many."""
    connections = 0
    spoilt = asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while connections < 3:
            await asyncio.sleep(0.01)
        await reader.readuntil(b"hello")
        writer.write(SIZED)
        await writer.drain()
        await done.wait()
        writer.write(b"\r\n")
        await writer.drain()
        spoilt.release()
        await reader.read()
        writer.close()

    done = asyncio.Event()

    async def scenario(to: Transport) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        async def one() -> str:
            events: list[ProviderEvent] = []
            await to.run(call(url), events.extend)
            return text_of(events)

        assert await asyncio.gather(one(), one(), one()) == ["Hi"] * 3
        done.set()
        for _ in range(3):
            await spoilt.acquire()
        await asyncio.sleep(0.2)
        assert await one() == "Hi"
        server.close()

    in_transport(scenario)
    assert connections == 4


def test_a_connection_that_speaks_another_protocol_is_not_used_again() -> None:
    server = Server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n")

    async def scenario(to: Transport) -> None:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        for _ in range(2):
            with pytest.raises(ProviderError):
                await to.run(call(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"), lambda _: None)
        listening.close()

    in_transport(scenario)
    assert server.connections == 2


def test_what_came_before_a_fault_of_the_framing_is_kept() -> None:
    events: list[ProviderEvent] = []
    chunk = LONG[0]
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for _ in range(3))

    async def scenario(to: Transport) -> None:
        server = await asyncio.start_server(
            Server(OK + b"Transfer-Encoding: chunked\r\n\r\n" + sent + b"no size\r\n"), "127.0.0.1", 0
        )
        with pytest.raises(ProviderError):
            await to.run(call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), events.extend)
        server.close()

    in_transport(scenario)
    assert text_of(events) == "Hi" * 3
