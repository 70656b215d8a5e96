"""A body's bytes, however they are framed and cut, reach the decoder unchanged and all of them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.hypothesis_profiles  # noqa: F401
from api.domain.errors import ProviderBadResponse
from api.domain.events import ProviderEvent, TextDelta
from api.providers import reading
from api.providers.transport import Transport
from tests.providers.helpers import PATIENT, Call, CompletionRequest, Endpoint, Turn, in_transport
from tests.providers.helpers import WIRES as REAL

LINES = st.sampled_from(
    [b"data: {}\n\n", b"data: {}\r\n\r\n", b"x", b"\n", b"\r", b"\r\n", b"5\r\n", b"a" * 300, b"0\r\n\r\n"]
)
CHUNK = st.lists(LINES, min_size=1, max_size=4).map(b"".join)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Verbatim:
    """A decoder that keeps the bytes as they come, up to an end it is told."""

    def __init__(self, most: int | None = None) -> None:
        self.most, self.finished = most, False
        self.data = b""
        self.feeds = 0

    @property
    def done(self) -> bool:
        return self.most is not None and len(self.data) >= self.most

    def feed(self, data: bytes) -> list[ProviderEvent]:
        self.data += data
        self.feeds += 1
        return [TextDelta("x")]

    def end(self) -> list[ProviderEvent]:
        return []


class VerbatimWire:
    def __init__(self, decoder: Verbatim) -> None:
        self._decoder = decoder
        self.encode = REAL["openai"].encode
        self.error = REAL["openai"].error

    def decoder(self, request: CompletionRequest) -> Verbatim:
        return self._decoder


def fetch(
    pieces: list[bytes],
    decoder: Verbatim,
    *,
    calls: int = 1,
    pause: float = 0.001,
    hang_up: bool = False,
    rest: float = 0,
) -> int:
    """A server on loopback writes `pieces` to each request; returns how many connections it was asked for."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while await reader.readuntil(b"hello"):
                await reader.readuntil(b"}")
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)
                if hang_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def scenario(transport: Transport) -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        request = CompletionRequest(model="m", turns=(Turn("user", "hello"),))
        wire = VerbatimWire(decoder)
        encoded = wire.encode(Endpoint("openai", f"http://127.0.0.1:{port}", None, trusted=True), request)
        pace = transport._pace
        assert pace is not None
        pace.seconds = rest
        try:
            for _ in range(calls):
                await transport.run(Call(encoded, wire, request, PATIENT), lambda _: None)
        finally:
            server.close()

    in_transport(scenario)
    return connections


def framed(chunks: list[bytes], extension: bytes = b"") -> bytes:
    return b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in zip(at, at[1:], strict=False)]


@given(
    st.lists(CHUNK, min_size=1, max_size=8),
    st.lists(st.integers(0, 5000), max_size=12),
    st.booleans(),
    st.sampled_from([b"", b";x=1"]),
    st.sampled_from([0, 0.005]),
)
def test_a_chunked_body_arrives_whole_wherever_it_is_cut(
    chunks: list[bytes], places: list[int], at_chunks: bool, extension: bytes, rest: float
) -> None:
    one_a_write = [framed([chunk], extension) for chunk in chunks]
    body = one_a_write if at_chunks else cut(b"".join(one_a_write), places)
    decoder = Verbatim()
    fetch([HEAD, *body, b"0\r\n\r\n"], decoder, rest=rest)
    assert decoder.data == b"".join(chunks)


@pytest.mark.parametrize("end", [b"5\r\nab", b"zz\r\n", b"2\r\nabc\r\n"])
def test_a_body_that_breaks_behind_plain_chunks_costs_its_connection(end: bytes) -> None:
    decoder = Verbatim()
    events = [framed([b"data: {}\n\n"])] * 5
    assert fetch([HEAD, *events, end], decoder, calls=2, hang_up=True) == 2
    assert decoder.data.count(b"data: {}\n\n") == 10


@pytest.mark.parametrize("rest", [0, 0.05])
def test_the_connection_serves_the_next_call(rest: float) -> None:
    decoder = Verbatim()
    events = [framed([b"data: {}\n\n"])] * 5
    assert fetch([HEAD, *events, b"0\r\n\r\n"], decoder, calls=3, rest=rest) == 1
    assert decoder.data == b"data: {}\n\n" * 15


@pytest.mark.parametrize("rest", [0, 0.05])
def test_the_connection_serves_the_next_call_when_the_decoder_ends_first(rest: float) -> None:
    decoder = Verbatim(most=50)
    events = [framed([b"data: {}\n\n"])] * 5
    assert fetch([HEAD, *events, b"0\r\n\r\n"], decoder, rest=rest) == 1
    assert decoder.data == b"data: {}\n\n" * 5


def test_a_read_is_one_feed() -> None:
    decoder = Verbatim()
    fetch([HEAD, *[framed([b"data: {}\n\n"])] * 20, b"0\r\n\r\n"], decoder, pause=0.02)
    assert decoder.feeds <= 20


def test_reads_that_rest_share_their_feed() -> None:
    decoder = Verbatim()
    fetch([HEAD, *[framed([b"data: {}\n\n"])] * 100, b"0\r\n\r\n"], decoder, rest=0.06)
    assert decoder.feeds < 60
    assert decoder.data == b"data: {}\n\n" * 100


def test_the_cap_holds_between_plain_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_REPLY_BYTES", 2000)
    decoder = Verbatim()
    with pytest.raises(ProviderBadResponse, match="larger"):
        fetch([HEAD, *[framed([b"data: {}\n\n" * 10])] * 100], decoder, pause=0)
    assert len(decoder.data) <= 2000


@pytest.mark.parametrize("before", [b"x\n\r\n", b"x\r\n", b"x\n", b"\n\n\r\n"])
def test_text_that_looks_like_a_chunk_stays_text(before: bytes) -> None:
    inside = b"5\r\nabcde\r\n"
    first = framed([before + inside])
    at = first.index(inside)
    decoder = Verbatim()
    fetch(
        [HEAD, framed([b"data: {}\n\n"]), first[:at], inside, first[at + len(inside) :], b"0\r\n\r\n"],
        decoder,
        pause=0.02,
    )
    assert decoder.data == b"data: {}\n\n" + before + inside
