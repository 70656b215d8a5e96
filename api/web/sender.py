"""One reader's line in the event loop: what the log has goes out, as far as the reader takes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec

from api.services.generations import Follower
from api.web.surfaces import ErrorForm

PING_SECONDS = 15.0
WATCH_SECONDS = 1.0
HIGH_WATER = 256 * 1024
AT_ONCE = 2000  # events in one write
Encode = Callable[[Iterable[tuple[int, str, Any]]], bytes]
BROKEN_OFF: Final = {
    "status": 503,
    "code": "interrupted",
    "title": "The reply was broken off",
    "detail": "The server was restarted while the reply was written; ask again.",
}
"""The problem of a reply that ended as `interrupted`, for surfaces that have no such ending."""


class Sender(asyncio.Protocol):
    """One reader's socket in the loop: writes what the log has, minds back-pressure, notices that he left."""

    def __init__(
        self, follower: Follower, encode: Encode, ping: bytes, whole: bool = False, at_once: int = AT_ONCE
    ) -> None:
        self.follower = follower
        self._at_once = at_once
        self._cursor = follower.cursor
        self.encode = encode
        self.ping = ping
        self.whole = whole
        self.head = b""
        self.chunked = True
        self.gone: Callable[[Sender], None] = lambda _: None
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._ended = False
        self._answered = False
        self._last_write = time.monotonic()
        self._written = 0  # bytes given to the transport
        self._taken = 0  # bytes that the reader's side has taken, and when that last grew
        self._taken_at = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass
        self._transport = transport
        transport.set_write_buffer_limits(HIGH_WATER)
        self._greet(transport)
        self.follower.revoked = transport.abort
        self.follower.cursor.log.subscribe(self.wake)
        self.wake()

    def _greet(self, transport: asyncio.Transport) -> None:
        self._written += len(self.head)
        transport.write(self.head)

    def wake(self) -> None:
        """Write what is new, as far as the reader takes it."""
        transport, cursor = self._transport, self._cursor
        while transport is not None and not (self._paused or self._ended or transport.is_closing()):
            if events := cursor.take(self._at_once):
                try:
                    data = self.encode(events)
                except Exception:
                    transport.abort()  # the reader sees a cut; the log tells why
                    raise
                if data:
                    self._answered = True
                    self._write(transport, data)
            if cursor.ended:
                self._end(transport)
                return
            if cursor.waiting:
                return

    def watch(self, now: float, write_timeout: float) -> None:
        """Called once a second: a ping for an idle line, the end for a reader that stopped reading."""
        if self._transport is None:
            return
        waiting = self._transport.get_write_buffer_size()
        if not waiting or self._written - waiting > self._taken:
            self._taken, self._taken_at = self._written - waiting, now
        if now - self._taken_at > write_timeout:
            self._transport.abort()
        elif self.ping and not self._ended and now - self._last_write > PING_SECONDS - 2 * WATCH_SECONDS:
            self._write(self._transport, self.ping)

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        self._last_write = time.monotonic()
        if self.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._written += len(data)
        transport.write(data)

    def _end(self, transport: asyncio.Transport) -> None:
        """Everything is written; the line is left once the reader's side has taken it."""
        self._ended = True
        if self.whole and not self._answered:
            transport.abort()
            return
        if self.chunked:
            self._written += 5
            transport.write(b"0\r\n\r\n")
        transport.set_write_buffer_limits(0)  # from now on `resume_writing` means that nothing waits
        if not transport.get_write_buffer_size():
            self._leave()

    def _leave(self) -> None:
        """Close without cutting off what is under way to a reader who still sends (RFC 9112 section 9.6)."""
        transport = self._transport
        if transport is None:
            return
        lingering = Lingering(asyncio.get_running_loop())
        transport.set_protocol(lingering)
        lingering.connection_made(transport)
        if not transport.is_closing():
            transport.write_eof()
        self.connection_lost(None)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._ended:
            self._leave()
        else:
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


class Refusal(Exception):
    """The reply failed before anything of it was told: this is the answer, with a status of its own. Raised by what
    encodes for a LateSender."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers

    @classmethod
    def of(cls, problem: Mapping[str, Any], form: ErrorForm) -> Refusal:
        """The problem in the form of a surface."""
        status, body = form(problem)
        headers = {"Content-Type": "application/json"}
        if (wait := problem.get("retry_after")) is not None:
            headers["Retry-After"] = str(max(1, round(wait)))
        return cls(status, msgspec.json.encode(body), headers)

    def head(self, planned: bytes) -> bytes:
        """The head in place of the one that was planned."""
        lines = planned.decode("latin-1").split("\r\n")[1:]
        kept = [line for line in lines if line.partition(":")[0].lower() not in ("content-type", "x-accel-buffering")]
        own = [f"{name}: {value}" for name, value in self.headers.items()]
        first = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"
        return "\r\n".join([first, *own, *kept]).encode("latin-1")


class LateSender(Sender):
    """The head goes out with the first bytes of the body, for a failure before them has a status of its own."""

    def __init__(
        self, follower: Follower, encode: Encode, ping: bytes, whole: bool = False, at_once: int = AT_ONCE
    ) -> None:
        super().__init__(follower, self._or_refused, b"", whole, at_once)
        self._encode = encode
        self._later_ping = ping
        self._greeted = False

    def _greet(self, transport: asyncio.Transport) -> None:
        """Not yet."""

    def _or_refused(self, events: Iterable[tuple[int, str, Any]]) -> bytes:
        try:
            return self._encode(events)
        except Refusal as refusal:
            self.head, self.whole = refusal.head(self.head), True
            return refusal.body

    def _write(self, transport: asyncio.Transport, data: bytes) -> None:
        if not self._greeted:
            self._greeted, self.ping = True, self._later_ping
            if self.whole:
                self.head, self.chunked = _sized(self.head, len(data)), False
            super()._greet(transport)
        super()._write(transport, data)


def _sized(head: bytes, size: int) -> bytes:
    """The head for a body that is there whole."""
    lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"transfer-encoding:")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % size, b"", b""])


class Lingering(asyncio.Protocol):
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
