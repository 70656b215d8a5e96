"""How an open stream leaves: the client's socket goes to the event loop, and the request's thread is free at once.

Under our gunicorn worker the environment offers `parley.hand_over`. Elsewhere (test client, `flask run`), for HEAD,
for TLS sockets and for HTTP/2 the same bytes go out through a plain generator. Status line and headers come from
gunicorn's own response object, so both ways send the same ones.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from flask import Response

from api.domain import metrics
from api.services.generations import Follower
from api.streams.loop import LoopThread

PING_SECONDS = 15.0
WATCH_SECONDS = 1.0
HIGH_WATER = 256 * 1024
Encode = Callable[[Iterable[tuple[int, str, Any]]], bytes]
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Connection": "close"}


class StreamResponse(Response):
    """An answer that is written while a reply runs. `ping` is what keeps an idle line open; b"" for none."""

    def __init__(
        self, follower: Follower, encode: Encode, *, content_type: str, ping: bytes, status: int = 200
    ) -> None:
        super().__init__(status=status, content_type=content_type, headers=HEADERS)
        self.follower = follower
        self.encode = encode
        self.ping = ping

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        hand_over = environ.get("parley.hand_over")
        self.response = iter(())  # a sequence would get a Content-Length
        if environ["REQUEST_METHOD"] == "HEAD":
            self.follower.close()
            return super().__call__(environ, start_response)
        if hand_over is None:
            self.response = _plain(self.follower, self.encode, self.ping)
            self.call_on_close(self.follower.close)
            return super().__call__(environ, start_response)
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        sender = Sender(self.follower, self.encode, self.ping)
        hand_over(start_response.__self__, sender)
        return ()


def _plain(follower: Follower, encode: Encode, ping: bytes) -> Iterator[bytes]:
    """The same bytes from an ordinary thread."""
    news = threading.Event()
    cursor = follower.cursor
    cut = threading.Event()

    def revoked() -> None:
        cut.set()
        news.set()

    follower.revoked = revoked
    cursor.log.subscribe(news.set)
    try:
        while not cut.is_set():
            news.clear()
            if events := cursor.take():
                if data := encode(events):
                    yield data
            elif cursor.ended:
                return
            elif not news.wait(PING_SECONDS) and ping:
                yield ping
    finally:
        cursor.log.unsubscribe(news.set)
        follower.close()


class Sender(asyncio.Protocol):
    """One reader's socket in the loop: writes what the log has, minds back-pressure, notices that he left."""

    def __init__(self, follower: Follower, encode: Encode, ping: bytes) -> None:
        self.follower = follower
        self.encode = encode
        self.ping = ping
        self.head = b""
        self.chunked = True
        self.last_write = time.monotonic()
        self.paused_since: float | None = None
        self.gone: Callable[[Sender], None] = lambda _: None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._transport = transport
        transport.set_write_buffer_limits(HIGH_WATER)
        transport.write(self.head)
        self.follower.revoked = transport.abort
        self.follower.cursor.log.subscribe(self.wake)
        self.wake()

    def wake(self) -> None:
        """Write what is new, as far as the reader takes it."""
        transport, cursor = self._transport, self.follower.cursor
        while transport is not None and self.paused_since is None and not transport.is_closing():
            events = cursor.take()
            if events and (data := self.encode(events)):
                self._write(data)
            if cursor.ended:
                if self.chunked:
                    transport.write(b"0\r\n\r\n")
                transport.close()  # flushes first
                return
            if not events:
                return

    def watch(self, now: float, write_timeout: float) -> None:
        """Called once a second: a ping for an idle line, the end for a reader that stopped reading."""
        if self._transport is None:
            return
        if self.paused_since is not None:
            if now - self.paused_since > write_timeout:
                self._transport.abort()
        elif self.ping and now - self.last_write > PING_SECONDS - 2 * WATCH_SECONDS:
            self._write(self.ping)

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self.last_write = time.monotonic()
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def pause_writing(self) -> None:
        self.paused_since = time.monotonic()

    def resume_writing(self) -> None:
        self.paused_since = None
        self.wake()

    def data_received(self, data: bytes) -> None:
        """Nothing more is expected from this client; what he sends is dropped."""

    def eof_received(self) -> bool:
        return False  # he left: close

    def connection_lost(self, exc: Exception | None) -> None:
        self.follower.cursor.log.unsubscribe(self.wake)
        self.follower.close()
        self._transport = None
        self.gone(self)


class Carrier:
    """The process's handed-over sockets: the streams in flight, and connections that linger before they close."""

    def __init__(self, loop: LoopThread, write_timeout: float, most: int) -> None:
        self._loop = loop
        self._write_timeout = write_timeout
        self._senders: set[Sender] = set()
        self.most = most
        self._watching = False

    @property
    def open(self) -> int:
        return len(self._senders)

    def carry(self, sock: socket.socket, sender: Sender) -> None:
        """Take the socket; from any thread."""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._senders.add(sender)
        metrics.streams_open.set(len(self._senders))
        sender.gone = self._gone
        self._loop.spawn(self._connect, sock, sender, failed=lambda _: self._refused(sock, sender))

    def linger(self, sock: socket.socket) -> None:
        """Close a connection as RFC 9112 section 9.6 asks, without a thread that waits for the client."""
        try:
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
            if sock.recv(65536) == b"":
                sock.close()
                return
        except BlockingIOError:
            pass
        except OSError:
            sock.close()
            return
        self._loop.spawn(self._linger, sock, failed=lambda _: sock.close())

    async def _connect(self, sock: socket.socket, sender: Sender) -> None:
        if not self._watching:
            self._watching = True
            self._watch()
        await self._loop.loop.connect_accepted_socket(lambda: sender, sock)

    async def _linger(self, sock: socket.socket) -> None:
        await self._loop.loop.connect_accepted_socket(lambda: _Lingering(self._loop.loop), sock)

    def _refused(self, sock: socket.socket, sender: Sender) -> None:
        sock.close()
        sender.connection_lost(None)

    def _gone(self, sender: Sender) -> None:
        self._senders.discard(sender)
        metrics.streams_open.set(len(self._senders))

    def _watch(self) -> None:
        now = time.monotonic()
        for sender in tuple(self._senders):
            sender.watch(now, self._write_timeout)
        self._loop.loop.call_later(WATCH_SECONDS, self._watch)


class _Lingering(asyncio.Protocol):
    """Reads what the client still sends, for two seconds or 64 KiB at most, then closes."""

    SECONDS = 2.0
    BYTES = 65536

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = self.BYTES
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(self.SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left <= 0:
            self._transport.abort()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
