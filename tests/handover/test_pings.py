"""An idle line gets a comment at least every 15 seconds; a line that cannot end as promised is cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from uuid import UUID

import pytest

from api.domain.ids import new_id
from api.domain.principal import ALL_SCOPES, Principal
from api.services.generations import Follower
from api.streams.live_log import Cursor, LiveLog
from api.streams.loop import _new_loop
from api.web import handover, sse
from api.web.sender import PING_SECONDS, WATCH_SECONDS, Sender

ANN = Principal(UUID(int=1), "ann", "member", ALL_SCOPES)


def follower(log: LiveLog) -> Follower:
    return Follower(Cursor(log), new_id(), ANN, lambda _: None)


def answer(log: LiveLog, *, whole: bool = False) -> handover.StreamResponse:
    content_type = "text/event-stream; charset=utf-8"
    return handover.StreamResponse(follower(log), sse.encode, content_type=content_type, ping=sse.PING, whole=whole)


@contextlib.contextmanager
def reader_of(log: LiveLog, *, whole: bool = False) -> Iterator[tuple[Sender, asyncio.Runner, socket.socket]]:
    """A sender in a loop of its own, and the reader's end of its line."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(20)
    sender = Sender(follower(log), sse.encode, sse.PING, whole)
    sender.head = b"head"
    with asyncio.Runner(loop_factory=_new_loop) as runner, theirs:

        async def connect() -> asyncio.Transport:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(lambda: sender, ours)
            return transport

        async def end(transport: asyncio.Transport) -> None:
            transport.abort()
            await asyncio.sleep(0.01)

        transport = runner.run(connect())
        try:
            yield sender, runner, theirs
        finally:
            runner.run(end(transport))


def test_an_idle_line_is_pinged_before_its_fifteen_seconds_are_over() -> None:
    with reader_of(LiveLog()) as (sender, _, theirs):
        assert theirs.recv(100) == b"head"
        now = time.monotonic()
        theirs.setblocking(False)
        sender.watch(now + PING_SECONDS / 2, 30)
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
        sender.watch(now + PING_SECONDS - WATCH_SECONDS, 30)  # the last look within the fifteen seconds
        assert theirs.recv(100) == b"8\r\n: ping\n\n\r\n"
        sender.watch(now + PING_SECONDS - WATCH_SECONDS, 30)
        with contextlib.suppress(BlockingIOError):
            assert theirs.recv(100) == b"8\r\n: ping\n\n\r\n"


def test_pings_on_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "PING_SECONDS", 1.01)
    log = LiveLog([("delta", "a")])
    pieces = handover._plain(answer(log), sse.PING)
    assert next(pieces).startswith(b"id: 1\nevent: delta")
    assert next(pieces) == sse.PING
    assert next(pieces) == sse.PING
    log.extend([("delta", "b")], close=True)
    assert next(pieces).startswith(b"id: 2\nevent: delta")
    assert list(pieces) == []
    assert log.readers == 0


def test_a_whole_answer_without_its_end_is_cut() -> None:
    log = LiveLog()
    with reader_of(log, whole=True) as (_, runner, theirs):

        async def lost() -> None:
            log.extend([], close=True)

        runner.run(lost())
        runner.run(asyncio.sleep(0))
        assert theirs.recv(100) == b"head"
        assert theirs.recv(100) == b"", "no last chunk"
    with pytest.raises(BrokenPipeError):
        list(handover._plain(answer(log, whole=True), b""))


def test_nothing_is_written_behind_the_end() -> None:
    log = LiveLog()
    with reader_of(log) as (sender, runner, theirs):

        async def fill_and_end() -> None:
            theirs.setblocking(False)
            log.extend([("delta", "x" * 100_000)] * 20)
            log.extend([], close=True)
            sender.watch(time.monotonic() + PING_SECONDS, 30)

        async def read() -> bytes:
            received = b""
            loop = asyncio.get_running_loop()
            while data := await loop.sock_recv(theirs, 1 << 20):
                received += data
            return received

        runner.run(fill_and_end())
        received = runner.run(read())
        assert received.endswith(b"\r\n0\r\n\r\n")
        assert received.count(b"x" * 100_000) == 20
        assert log.readers == 0
