"""Requests that are still arriving: they are read here, by the poller, so that no thread waits for a client.

A head of any size that gunicorn takes, and the first part of a body. The rest of a larger body is read by the
request's thread, which waits a few seconds at most for each piece.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from typing import Any, Final

SECONDS: Final = 30.0  # for all of it: what is not here by then is answered with 408
HEAD_BYTES: Final = 64 * 1024
BODY_BYTES: Final = 128 * 1024
PIECE_SECONDS: Final = 10
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;|$)")
_ASKS_FIRST: Final = re.compile(rb"\r\nexpect:", re.IGNORECASE)


class Arrival:
    """What has come of a connection's next request. Raises OSError where the client has gone."""

    __slots__ = ("_conn", "_data", "_needed", "_patience", "_searched", "until")

    def __init__(self, conn: Any, seconds: float, piece_seconds: int) -> None:
        self._conn = conn
        self._patience = struct.pack("ll", piece_seconds, 0)
        self._data = bytearray(conn.parser.unreader.take_buffered() if conn.parser is not None else b"")
        self._needed: int | None = None  # bytes in all, once the head is here; -1 for a chunked body
        self._searched = 0  # until here: for the head's end, then for the body's last chunk
        self.until = time.monotonic() + seconds

    @property
    def begun(self) -> bool:
        """More has come than line ends, which may stand before a request."""
        return bool(self._data.strip(b"\r\n"))

    @property
    def has_head(self) -> bool:
        return self._needed is not None

    def receive(self) -> bool:
        """Read what is there. True: the request can be handled, and gunicorn's parser has the bytes."""
        sock: socket.socket = self._conn.sock
        sock.setblocking(False)
        while not self._complete():
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

    def _complete(self) -> bool:
        data = self._data
        if self._needed is None:
            end = data.find(b"\r\n\r\n", self._searched)
            if end < 0:
                self._searched = max(0, len(data) - 3)
                return len(data) > HEAD_BYTES
            self._needed = _bytes_needed(bytes(data[: end + 4]))
            self._searched = end + 4
        if self._needed < 0:
            return len(data) > BODY_BYTES or self._all_chunks()
        return len(data) >= self._needed

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
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, self._patience)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, self._patience)


def _bytes_needed(head: bytes) -> int:
    """How much to wait for besides the head; what the parser then makes of these headers is its own affair."""
    if _ASKS_FIRST.search(head):  # the client waits for "100 Continue"
        return len(head)
    if _CHUNKED.search(head):
        return -1
    length = _LENGTH.search(head)
    return len(head) + (min(int(length[1]), BODY_BYTES) if length else 0)
