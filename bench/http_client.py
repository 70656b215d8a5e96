"""A small HTTP/1.1 client for the load generator: one request at a time, cheap a byte, with a stopwatch."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from bench.workload import MARK

_MARK = MARK.encode()
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)


class BadAnswer(Exception):
    """The bytes are not an HTTP answer, or end before it does."""


@dataclass(slots=True)
class Answer:
    """What came back, with the loop's times of the first token and of the end."""

    status: int = 0
    first_token: float = 0.0
    ended: float = 0.0
    parts: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


class Chunked:
    """Takes a chunked body as it arrives, cut anywhere, and gives its content."""

    __slots__ = ("_last", "_left", "_rest", "_skip", "done")

    def __init__(self) -> None:
        self.done = False
        self._last = False
        self._left = 0
        self._skip = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        if self._rest:
            data, self._rest = self._rest + data, b""
        parts: list[bytes] = []
        at, size = 0, len(data)
        while at < size and not self.done:
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
            elif self._skip:
                step = min(self._skip, size - at)
                at += step
                self._skip -= step
                self.done = self._last and not self._skip
            else:
                end = data.find(b"\r\n", at)
                if end < 0:
                    self._rest = data[at:]
                    break
                self._left = int(data[at:end].split(b";")[0], 16)
                self._skip = 2
                self._last = not self._left
                at = end + 2
        return parts


class Connection(asyncio.Protocol):
    """One connection; `ask` sends a request and returns its answer's future."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.reusable = True
        self._clock = clock
        self._buffer = b""
        self._answer: Answer | None = None
        self._future: asyncio.Future[Answer] | None = None
        self._chunked: Chunked | None = None
        self._left: int | None = None

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        self._buffer, self._chunked, self._left = b"", None, None
        self._answer = None
        self._future = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._future

    def close(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        if self._future is None:
            return
        until_close = self._answer is not None and self._chunked is None and self._left is None
        if until_close and exc is None:
            self._finish()
        else:
            self._fail(str(exc or "closed before the end of the answer"))

    def data_received(self, data: bytes) -> None:
        try:
            if self._answer is None:
                data = self._head(data)
            if data:
                self._body(data)
        except (ValueError, BadAnswer) as error:
            self._fail(str(error))
            self._transport.abort()

    def _head(self, data: bytes) -> bytes:
        """Read the answer's head when it is whole; what follows it is returned."""
        self._buffer = data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return b""
        status = _STATUS.match(data)
        if status is None:
            raise BadAnswer(f"not HTTP: {data[:60]!r}")
        self._answer = Answer(int(status[1]))
        length = _LENGTH.search(data, 0, end)
        if _CHUNKED.search(data, 0, end):
            self._chunked = Chunked()
        elif length is not None:
            self._left = int(length[1])
        if _CLOSE.search(data, 0, end) or (self._chunked is None and self._left is None):
            self.reusable = False
        if self._left == 0:
            self._finish()
        return data[end + 4 :]

    def _body(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or self._future is None:
            return
        if not answer.first_token and _MARK in data:
            answer.first_token = self._clock()
        if self._chunked is not None:
            answer.parts += self._chunked.feed(data)
            if self._chunked.done:
                self._finish()
            return
        answer.parts.append(data)
        if self._left is not None:
            self._left -= len(data)
            if self._left <= 0:
                self._finish()

    def _finish(self) -> None:
        future, answer = self._future, self._answer
        self._future = None
        if future is not None and answer is not None and not future.done():
            answer.ended = self._clock()
            future.set_result(answer)

    def _fail(self, reason: str) -> None:
        future, self._future = self._future, None
        self.reusable = False
        if future is not None and not future.done():
            future.set_exception(BadAnswer(reason))
