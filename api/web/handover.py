"""How an open stream leaves: the client's socket goes to the event loop, and the request's thread is free at once.

Under our gunicorn worker the environment offers `parley.hand_over`. Elsewhere (test client, `flask run`), for HEAD,
for TLS sockets and for HTTP/2 the same bytes go out through a plain generator. Status line and headers come from
gunicorn's own response object, so both ways send the same ones.
"""

from __future__ import annotations

import errno
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

from flask import Response

from api.domain import metrics
from api.services.generations import Follower
from api.streams.loop import LoopThread
from api.web.sender import AT_ONCE, PING_SECONDS, WATCH_SECONDS, Encode, LateSender, Lingering, Refusal, Sender

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Connection": "close"}


class StreamResponse(Response):
    """An answer that is written while a reply runs. `ping` is what keeps an idle line open; b"" for none.

    `whole`: the body is worth nothing without its end, so the line is cut rather than ended without it. `late`: the
    head waits for the first bytes of the body, because `encode` may raise a Refusal instead. `apart`: each event is
    written by itself, for a client that cannot put pieces together.
    """

    def __init__(
        self,
        follower: Follower,
        encode: Encode,
        *,
        content_type: str,
        ping: bytes,
        status: int = 200,
        whole: bool = False,
        late: bool = False,
        apart: bool = False,
    ) -> None:
        super().__init__(status=status, content_type=content_type, headers=HEADERS)
        self.follower = follower
        self.encode = encode
        self.ping = ping
        self.whole = whole
        self.late = late
        self.at_once = 1 if apart else AT_ONCE

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        hand_over = environ.get("parley.hand_over")
        self.response = iter(())  # a sequence would get a Content-Length
        server: Any = getattr(start_response, "__self__", None)
        if hasattr(server, "force_close"):  # gunicorn ignores the header `Connection` and asks for this
            server.force_close()
        if environ["REQUEST_METHOD"] == "HEAD":
            self.follower.close()
            return super().__call__(environ, start_response)
        if hand_over is None:
            self.call_on_close(self.follower.close)
            self.response = _plain(self, b"" if self.late else self.ping)
            if self.late:
                self._await_first()
            return super().__call__(environ, start_response)
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        sender = LateSender if self.late else Sender
        hand_over(server, sender(self.follower, self.encode, self.ping, self.whole, self.at_once))
        return ()

    def _await_first(self) -> None:
        """Without the loop, this thread waits for what decides the status."""
        body = cast(Iterator[bytes], iter(self.response))
        try:
            first = next(body, b"")
        except Refusal as refusal:
            self.status_code = refusal.status
            self.headers.pop("X-Accel-Buffering", None)
            self.headers.update(refusal.headers)
            self.response = [refusal.body]
        else:
            self.response = [first] if self.whole else itertools.chain([first], body)


def _plain(response: StreamResponse, ping: bytes) -> Iterator[bytes]:
    """The same bytes from an ordinary thread."""
    follower, encode = response.follower, response.encode
    news = threading.Event()
    cursor = follower.cursor
    cut = threading.Event()
    written = False

    def revoked() -> None:
        cut.set()
        news.set()

    follower.revoked = revoked
    cursor.log.subscribe(news.set)
    try:
        while not cut.is_set():
            news.clear()
            if events := cursor.take(response.at_once):
                if data := encode(events):
                    written = True
                    yield data
            elif cursor.ended:
                break
            elif not news.wait(PING_SECONDS - WATCH_SECONDS) and ping:
                yield ping
        if response.whole and not written:
            raise BrokenPipeError(errno.EPIPE, "the answer's end is not to be had here")
    finally:
        cursor.log.unsubscribe(news.set)
        follower.close()


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
        await self._loop.loop.connect_accepted_socket(lambda: Lingering(self._loop.loop), sock)

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
