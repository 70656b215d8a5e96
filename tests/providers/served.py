"""Servers on loopback that answer a provider's call with given bytes, and what the caller was told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import uvloop

from api.domain.conversation import CompletionRequest, Turn
from api.domain.events import ProviderEvent
from api.providers.base import Call, Endpoint
from api.providers.transport import Transport
from tests.providers.helpers import KEY, PATIENT, WIRES, in_transport, text_of

ASKED = CompletionRequest(model="m", turns=(Turn("user", "hello"),))
SAID = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
SIZED = OK + b"Content-Length: %d\r\n\r\n" % len(SAID) + SAID
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(SAID), SAID)

LONG = [SAID.split(b"\n\n")[0].replace(b'"stop"', b"null") + b"\n\n"] * 20 + [SAID]
MANY = [OK + b"Transfer-Encoding: chunked\r\n\r\n", *(b"%x\r\n%b\r\n" % (len(one), one) for one in LONG), b"0\r\n\r\n"]

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def call(url: str, proxy: str | None = None) -> Call:
    wire = WIRES["openai"]
    return Call(wire.encode(Endpoint("openai", url, KEY, True, proxy), ASKED), wire, ASKED, PATIENT, (KEY,))


def served(serve: Serve, calls: int = 1, tls: ssl.SSLContext | None = None, rest: float = 0) -> list[str]:
    """What each of some calls, one after the other, was told by a server on loopback."""
    told: list[str] = []

    async def scenario(to: Transport) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        scheme, port = "https" if tls else "http", server.sockets[0].getsockname()[1]
        assert to._pace is not None
        to._pace.seconds = rest
        try:
            for _ in range(calls):
                events: list[ProviderEvent] = []
                await to.run(call(f"{scheme}://localhost:{port}"), events.extend)
                told.append(text_of(events))
        finally:
            server.close()

    in_transport(scenario, loop=uvloop.new_event_loop)  # the server's; test_reading.py has the other
    return told


class Server:
    """Answers each request with the same pieces; counts connections and keeps what it was sent."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.connections = 0
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readuntil(b"hello")
                await reader.readuntil(b"}")
                for piece in self.pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.001)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
