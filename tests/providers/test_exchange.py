"""One request and its answer on a lent connection: heads as servers send them, and when a connection serves again."""

from __future__ import annotations

import asyncio
import gc
import ssl
from pathlib import Path

import pytest
import uvloop
from aiohttp import InvalidURL, ServerDisconnectedError
from hypothesis import given
from hypothesis import strategies as st

import tests.hypothesis_profiles  # noqa: F401
from api.domain.conversation import CompletionRequest, Turn
from api.domain.errors import ProviderBadResponse, ProviderError, ProviderUnavailable
from api.domain.events import ProviderEvent
from api.providers import dialing, transport
from api.providers.base import Call, Endpoint, WireRequest
from api.providers.exchange import Destination, Exchange
from api.providers.transport import Transport
from tests.providers.conftest import certified
from tests.providers.helpers import PATIENT, WIRES, in_transport, text_of
from tests.providers.served import ASKED, CHUNKED, MANY, OK, SAID, SIZED, Server, call, served
from tests.providers.test_reading import cut


@given(
    st.sampled_from([SIZED, CHUNKED, b"\r\n" + SIZED, SIZED.replace(b"\r\n", b"\n")]),
    st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2]),
    st.lists(st.integers(0, 500), max_size=8),
)
def test_a_head_is_read_wherever_it_is_cut(answer: bytes, before: bytes, places: list[int]) -> None:
    server = Server(*cut(before + answer, places))
    assert served(server, 2) == ["Hi", "Hi"]
    assert server.connections == 1


def test_a_body_up_to_the_connections_end() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(OK + b"\r\n" + SAID)
        writer.close()

    assert served(serve, 2) == ["Hi", "Hi"]


@pytest.mark.parametrize("answer", [SIZED, CHUNKED])
@pytest.mark.parametrize("header", [b"Connection: close", b"Connection: Close, x"])
def test_a_connection_whose_server_ends_it_is_not_used_again(answer: bytes, header: bytes) -> None:
    server = Server(answer.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n\r\n", 1))
    assert served(server, 3) == ["Hi"] * 3
    assert server.connections == 3


def test_what_stands_behind_an_answer_is_not_the_next_one() -> None:
    server = Server(SIZED + SIZED.replace(b"Hi", b"No"))
    assert served(server, 3) == ["Hi"] * 3
    assert server.connections == 3


def test_what_comes_while_nobody_asks_is_not_the_next_answer() -> None:
    """It arrives before the next request or with it: either way that request is sent once more, elsewhere."""
    connections = 0
    sent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"hello")
        writer.write(SIZED)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(SIZED.replace(b"Hi", b"No"))
        await writer.drain()
        sent.set()
        await reader.read()
        writer.close()

    told: list[str] = []

    async def scenario(to: Transport) -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        for _ in range(2):
            events: list[ProviderEvent] = []
            await to.run(call(url), events.extend)
            told.append(text_of(events))
            await sent.wait()
            sent.clear()
            await asyncio.sleep(0.2)
        listening.close()

    in_transport(scenario)
    assert told == ["Hi", "Hi"]
    assert connections == 2


def test_a_refusal_before_the_request_is_sent_whole_costs_the_connection() -> None:
    connections = 0
    go_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await go_on.wait()
        writer.close()

    async def scenario(to: Transport) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        asked = CompletionRequest(model="m", turns=(Turn("user", "x" * 50_000_000),))
        wire = WIRES["openai"]
        encoded = wire.encode(Endpoint("openai", url, None, True), asked)
        for _ in range(2):
            with pytest.raises(ProviderError):
                await to.run(Call(encoded, wire, asked, PATIENT), lambda _: None)
        go_on.set()
        server.close()

    in_transport(scenario)
    assert connections == 2


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\0b", "\ud800"])
def test_a_header_cannot_become_two(value: str) -> None:
    asked = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked = bool(await reader.read(1))
        writer.close()

    async def scenario(to: Transport) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        request = WireRequest(url, {"Authorization": f"Bearer {value}"}, b"{}", trusted=True)
        with pytest.raises(ProviderBadResponse):
            await to.run(Call(request, WIRES["openai"], ASKED, PATIENT), lambda _: None)
        server.close()

    in_transport(scenario)
    assert not asked


@pytest.mark.parametrize(
    ("url", "first", "host"),
    [
        ("http://example.org/v1/x?a=b%20c#d", "POST /v1/x?a=b%20c HTTP/1.1", "example.org"),
        ("https://example.org:443", "POST / HTTP/1.1", "example.org"),
        ("http://[::1]:8080/ä", "POST /%C3%A4 HTTP/1.1", "[::1]:8080"),
        ("http://me:word@bücher.example/", "POST / HTTP/1.1", "xn--bcher-kva.example"),
    ],
)
def test_how_a_request_begins(url: str, first: str, host: str) -> None:
    async def head() -> bytes:
        destination = Destination("POST", url, None, asyncio.get_running_loop())
        return destination.head({"Content-Type": "application/json", "user-agent": "Mine"}, 7)

    line, *headers = asyncio.run(head()).decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == first
    fields = {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}
    assert len(fields) == len(headers)
    assert fields.pop("authorization", None) == ("Basic bWU6d29yZA==" if "@" in url else None)
    assert fields == {
        "host": host,
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": "Mine",
        "content-type": "application/json",
        "content-length": "7",
    }


@pytest.mark.parametrize(("url", "proxy"), [("ftp://x/", None), ("nonsense", None), ("http://x/", "http://p:1")])
def test_what_is_no_address_is_refused(url: str, proxy: str | None) -> None:
    async def made() -> None:
        Destination("POST", url, proxy, asyncio.get_running_loop())

    with pytest.raises(InvalidURL):
        asyncio.run(made())


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context, whose certificate the transport takes for a good one."""
    server = certified(tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
    made = dialing.trusted_connector

    def connector() -> dialing.TCPConnector:
        connector = made()
        connector._ssl = trusting
        return connector

    monkeypatch.setattr(transport, "trusted_connector", connector)
    return server


@pytest.mark.parametrize("rest", [0, 0.005])
@pytest.mark.parametrize("pieces", [cut(SIZED, [20, 90, 120, 150]), cut(CHUNKED, [20, 90, 120, 150]), MANY])
def test_under_tls(tls: ssl.SSLContext, pieces: list[bytes], rest: float) -> None:
    """What rests under TLS is never taken from the socket itself."""
    server = Server(*pieces)
    assert served(server, 3, tls, rest) == ["Hi" * (21 if pieces is MANY else 1)] * 3
    assert server.connections == 1


@pytest.mark.parametrize("rest", [0.002, 0.01])
def test_a_hang_up_while_a_connection_rests_is_noticed(rest: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        for piece in MANY[:10]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.003)
        writer.close()

    with pytest.raises(ProviderUnavailable, match="broke"):
        served(serve, rest=rest)


def test_an_answer_whose_end_comes_in_a_rest_leaves_its_connection() -> None:
    server = Server(*MANY)
    assert served(server, 3, rest=0.01) == ["Hi" * 21] * 3
    assert server.connections == 1


def test_through_a_proxys_tunnel(tls: ssl.SSLContext) -> None:
    """The request goes into the tunnel as it would go out without one, and the tunnel serves again."""
    server, asked = Server(SIZED), []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        port = int(asked[-1].split(b" ")[1].rpartition(b":")[2])
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pass_on(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                to.write(data)
            to.close()

        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer), return_exceptions=True)

    async def scenario(to: Transport) -> list[str]:
        proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        behind = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
        url = f"https://localhost:{behind.sockets[0].getsockname()[1]}"
        through = f"http://me:word@127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        told = []
        for _ in range(2):
            events: list[ProviderEvent] = []
            await to.run(call(url, through), events.extend)
            told.append(text_of(events))
        proxy.close()
        behind.close()
        return told

    assert in_transport(scenario) == ["Hi", "Hi"]
    assert server.connections == len(asked) == 1
    assert server.heads[0].startswith(b"POST /chat/completions HTTP/1.1\r\nHost: localhost")
    assert b"proxy" not in server.heads[0].lower()


def test_a_connection_that_is_gone_before_the_head_is_tried_once_more() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"hello")
        writer.write(SIZED[:20])
        writer.close()

    with pytest.raises(ProviderUnavailable, match="without an answer"):
        served(serve)
    assert connections == 2


def test_a_connection_that_goes_as_soon_as_it_came() -> None:
    class Gone:
        protocol = object()
        transport = None
        closed = False

        def close(self) -> None:
            self.closed = True

    async def made() -> None:
        Exchange(gone, asyncio.get_running_loop())  # type: ignore[arg-type]

    gone = Gone()
    with pytest.raises(ServerDisconnectedError):
        asyncio.run(made())
    assert gone.closed


UNTOLD = SAID.replace(b"data: [DONE]\n\n", b"")  # an end that only the framing tells


@pytest.mark.parametrize("pieces", [MANY, [OK + b"Content-Length: %d\r\n\r\n" % len(UNTOLD) + UNTOLD]])
def test_a_call_leaves_nothing_for_the_collector(pieces: list[bytes]) -> None:
    async def scenario(to: Transport) -> int:
        server = await asyncio.start_server(Server(*pieces), "127.0.0.1", 0)
        asked = call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await to.run(asked, lambda _: None)
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                await to.run(asked, lambda _: None)
            return gc.collect()
        finally:
            gc.enable()
            server.close()

    assert in_transport(scenario, loop=uvloop.new_event_loop) < 10
