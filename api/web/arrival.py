"""Requests that are still arriving: they are read here, by the poller, so that no thread waits for a client.

A head of any size that gunicorn takes, and the first part of a body. The rest of a larger body is read by the
request's thread, which waits a few seconds at most for each piece, and for all of it as long as a slow line takes.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
import time
from typing import Any, Final

SECONDS: Final = 30.0  # for all of it: what is not here by then is answered with 408
HEAD_BYTES: Final = 64 * 1024
BODY_BYTES: Final = 128 * 1024
PIECE_SECONDS: Final = 10
BYTES_A_SECOND: Final = 16 * 1024  # so many put the end of the thread's patience off by a second
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;|$)")
_ASKS_FIRST: Final = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


class Arrival:
    """What has come of a connection's next request. Raises OSError where the client has gone."""

    __slots__ = ("_body", "_conn", "_data", "_piece_seconds", "_searched", "_seconds", "_size", "until")

    def __init__(self, conn: Any, seconds: float, piece_seconds: int) -> None:
        self._conn = conn
        self._seconds, self._piece_seconds = seconds, piece_seconds
        self._data = bytearray(conn.parser.unreader.take_buffered() if conn.parser is not None else b"")
        self._size: int | None = None  # of head and body, once the head is here; -1 for a chunked body
        self._body = 0  # where it begins
        self._searched = 0  # until here: for the head's end, then for the body's last chunk
        self.until = time.monotonic() + seconds

    @property
    def begun(self) -> bool:
        """Some of it is here."""
        return bool(self._data)

    @property
    def has_head(self) -> bool:
        return self._size is not None

    def receive(self) -> bool:
        """Read what is there. True: the request can be handled, and gunicorn's parser has the bytes."""
        sock: socket.socket = self._conn.sock
        sock.setblocking(False)
        while not self._enough():
            try:
                data = sock.recv(65536)
            except BlockingIOError:
                return False
            if not data:
                if self._data:
                    break  # cut in the middle: gunicorn says what it makes of it
                raise ConnectionResetError
            self._data += data
        self.pass_on()
        return True

    def _enough(self) -> bool:
        data = self._data
        if self._size is None:
            while data.startswith((b"\r", b"\n")):  # line ends may stand before a request
                del data[:1]
            end = data.find(b"\r\n\r\n", self._searched)
            if end < 0:
                self._searched = max(0, len(data) - 3)
                return len(data) > HEAD_BYTES
            self._read_head(end + 4)
        return self.whole or len(data) - self._body >= BODY_BYTES

    def _read_head(self, end: int) -> None:
        """What the parser then makes of these headers is its own affair."""
        head = bytes(self._data[:end])
        chunked, length = _CHUNKED.search(head), _LENGTH.search(head)
        if (asks := _ASKS_FIRST.search(head)) and head.partition(b"\r\n")[0].endswith(b"HTTP/1.1"):
            self._conn.sock.send(CONTINUE)
            del self._data[asks.start() : asks.end()]  # else gunicorn would say so again
            end -= asks.end() - asks.start()
        self._size = -1 if chunked else end + (int(length[1]) if length else 0)
        self._body = self._searched = end

    @property
    def whole(self) -> bool:
        """Nothing of it is still to come."""
        if self._size is None:
            return False
        return self._all_chunks() if self._size < 0 else len(self._data) >= self._size

    def _all_chunks(self) -> bool:
        """Whether the last chunk and its trailers are here, or a size that nobody can read: the parser then says so."""
        data = self._data
        while (line := data.find(b"\r\n", self._searched)) >= 0:
            size = _SIZE.match(data, self._searched, line)
            if size is None:
                return True
            if not (length := int(size[1], 16)):
                return data.startswith(b"\r\n", line + 2) or data.find(b"\r\n\r\n", line + 2) >= 0
            if (behind := line + 2 + length + 2) > len(data):
                return False
            self._searched = behind
        return False

    def pass_on(self) -> None:
        """To the parser, as if it had read the bytes itself; what is missing it reads with a limit on its patience."""
        conn, sock = self._conn, self._conn.sock
        conn.init()
        conn.parser.unreader.unread(bytes(self._data))
        conn.data_ready = True
        patience = struct.pack("ll", self._piece_seconds, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        if not self.whole:
            conn.parser.unreader.chunk = _Rest(sock, self._seconds)


class _Rest:
    """Reads from a socket for gunicorn's parser. Raises BlockingIOError when it has come too slowly as a whole, as the
    socket does when a piece has."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._until = time.monotonic() + seconds

    def __call__(self, size_hint: int | None = None) -> bytes:
        if time.monotonic() >= self._until:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        data = self._sock.recv(max(8192, min(size_hint or 0, 1024 * 1024)))
        self._until += len(data) / BYTES_A_SECOND
        return data
