"""One HTTP/1.1 request and its answer on a connection of aiohttp's pool.

aiohttp dials, asks the guard, tunnels, speaks TLS, keeps connections, and its parser reads heads. From a connection's
loan to its return its protocol is ours: aiohttp's session would double what a start costs, and wake a task a read.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from aiohttp import ClientOSError, ClientPayloadError, ClientRequest, InvalidURL, ServerDisconnectedError, hdrs
from aiohttp.connector import Connection
from aiohttp.http import HttpResponseParser, RawResponseMessage
from yarl import URL

from api.providers.bodies import BadFraming, Body, Chunked, Sized, Unsized

MAX_HEADER_BYTES: Final = 64 * 1024
MAX_HEAD_BYTES: Final = 256 * 1024
READ_BYTES: Final = 64 * 1024
_OWN_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "Parley"}
_HEAD_END: Final = re.compile(rb"\n\r?\n")
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")

Take = Callable[[bytes], bool]
"""Is given content as it arrives, in the callback that brought it; True: that was enough."""


class Destination:
    """Where requests of one URL go: what aiohttp dials, and how their heads begin. Made once for many.

    A proxy is for https alone: it is asked for a tunnel, so what is sent is the same as without.
    """

    def __init__(self, method: str, url: str, proxy: str | None, loop: asyncio.AbstractEventLoop) -> None:
        """Raises ValueError for what is no address."""
        address = URL(url)
        if address.scheme not in (("https",) if proxy else ("http", "https")):
            raise InvalidURL(address)
        self.host, self.port = address.host or "", address.port or 0
        # Never sent: the pool asks it whom to dial.
        self.dialled = ClientRequest(
            method, address, headers=_OWN_HEADERS, loop=loop, proxy=URL(proxy) if proxy else None
        )
        self._headers = self.dialled.headers.copy()
        self._headers.pop("Content-Length", None)
        self._first = f"{method} {address.raw_path_qs} HTTP/1.1"

    def head(self, headers: Mapping[str, str], size: int) -> bytes:
        """Of a request with these headers and so many bytes. Raises ValueError for what would be no header."""
        all_headers = self._headers.copy()
        all_headers.update(headers)
        lines = [f"{name}: {value}" for name, value in all_headers.items()]
        if any(map(_FORBIDDEN.search, lines)):
            raise ValueError("a header with a line's end in it")
        return "\r\n".join((self._first, *lines, f"Content-Length: {size}", "", "")).encode()


class Exchange(asyncio.Protocol):
    """Ask once, read once, close always. `broken`: the connection failed before the body's end."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Raises ServerDisconnectedError where there is no connection any more."""
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:  # it went as soon as it came
            connection.close()
            raise ServerDisconnectedError
        self._connection = connection
        self._behind = protocol
        self._transport = transport
        self._loop = loop
        self._parser = HttpResponseParser(
            protocol,
            loop,
            MAX_HEADER_BYTES,
            read_until_eof=True,
            auto_decompress=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )
        self._unread = b""  # of the head
        self._message: RawResponseMessage | None = None
        self._body: Body = Unsized()
        self._early: list[bytes] = []  # what came before anybody took it
        self._take: Take = self._keep
        self._news: asyncio.Future[None] = loop.create_future()
        plain = transport.get_extra_info("sslcontext") is None
        self._socket = transport.get_extra_info("socket") if plain else None
        self._paused = self._resting = False
        self.broken = False

    @property
    def status(self) -> int:
        return self._answer.code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def over(self) -> bool:
        """All of the body has come."""
        return self._body.done

    @property
    def _answer(self) -> RawResponseMessage:
        assert self._message is not None, "asked before"
        return self._message

    async def ask(self, head: bytes, body: bytes) -> None:
        """Send the request; return when the answer's head is here. Raises ClientError."""
        if self._behind.should_close or self._transport.is_closing():  # bytes that nobody asked for, or its end
            raise ServerDisconnectedError
        self._transport.set_protocol(self)
        self._transport.writelines((head, body))
        await self._news

    async def read(self, take: Take) -> None:
        """Give `take` the body as it comes; return at its end, or when that was enough. Raises what `take` raises."""
        self._news = self._loop.create_future()
        self._take = take
        early, self._early = self._early, []
        for content in early:
            self._give(content)
        if self.over or self.broken:
            self._tell()
        await self._news

    def enough(self) -> None:
        """Let whoever reads go: what is still to come is not worth its time."""
        self._take = _drop
        self._tell()

    async def settle(self, seconds: float) -> None:
        """The answer is complete. Its connection is worth keeping if it ends soon, and not worth a long wait."""
        if not (self.over or self.broken):
            self._news = self._loop.create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news

    def close(self) -> None:
        """Back to the pool where the answer was read to its end; otherwise the provider shall stop now."""
        self._take = _drop
        self._news = self._loop.create_future()  # a failure in the old one has frames, and these have this exchange
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._behind)
        message = self._message
        clean = message is not None and self._body.done and not (self._body.surplus or message.should_close)
        if message is not None and message.code == 101:  # another protocol from here on, which nobody asked for
            clean = False
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # a mere close would first send what nobody waits for
        if clean and not self._transport.is_closing():
            self._connection.release()
        else:
            self._connection.close()

    def pause(self) -> bool:
        """Read nothing for a while. False where nothing more will come."""
        if self._body.done or self._transport.is_closing():
            return False
        if not self._paused:
            self._transport.pause_reading()
        self._paused = self._resting = True
        return True

    def resume(self) -> None:
        """Take what came meanwhile, and read on if that does not pause again.

        Asked for directly: a connection that is read at its own times is not to wake the loop at others.
        """
        if self._transport.is_closing():
            return
        self._resting = False
        try:
            data = _waiting(self._socket.fileno()) if self._socket is not None else b""
        except OSError:
            self._transport.abort()
            self._fail(None)
            return
        if data:
            self.data_received(data)
        if not self._resting:
            self._paused = False
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._message is None:
            try:
                data = self._after_head(data)
            except Exception:  # whatever the parser says of it
                self._fail(ClientPayloadError("The answer's head is not HTTP."))
                return
            if self._message is None:
                return
            self._tell()
        if data and not self.broken:
            try:
                content = self._body.feed(data)
            except BadFraming as fault:
                if fault.content:
                    self._give(fault.content)
                self._fail(None)
                return
            if content:
                self._give(content)
        if self._body.done:
            self._tell()

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)
        if self._message is None:
            self._fail(ClientOSError(*exc.args) if isinstance(exc, OSError) else ServerDisconnectedError())
        elif exc is None and self._body.close():
            self._tell()
        elif not self._body.done:
            self._fail(None)

    def _after_head(self, data: bytes) -> bytes:
        """Read the head if it is whole by now; what follows it. Provisional ones are passed over (RFC 9110, 15.2)."""
        looked_at = max(0, len(self._unread) - 2)
        data = self._unread + data
        while self._message is None and (end := _HEAD_END.search(data, looked_at)):
            messages, _, _ = self._parser.feed_data(data[: end.end()])
            data, looked_at = data[end.end() :], 0
            for message, content in messages:
                if message.code // 100 != 1 or message.code == 101:
                    self._message = message
                    self._body = Sized(0) if content.is_eof() else _body_of(message)
        if self._message is not None:
            return data
        if len(data) > MAX_HEAD_BYTES:
            raise BadFraming
        self._unread = data
        return b""

    def _give(self, content: bytes) -> None:
        try:
            enough = self._take(content)
        except Exception as error:
            self._take = _drop
            self._tell(error)
        else:
            if enough:
                self._take = _drop
                self._tell()

    def _keep(self, content: bytes) -> bool:
        self._early.append(content)
        return False

    def _fail(self, error: Exception | None) -> None:
        self.broken = True
        self._tell(error)

    def _tell(self, error: Exception | None = None) -> None:
        """Wake whoever waits."""
        if not self._news.done():
            if error is None:
                self._news.set_result(None)
            else:
                self._news.set_exception(error)


def _body_of(message: RawResponseMessage) -> Body:
    if message.chunked:
        return Chunked()
    if hdrs.CONTENT_LENGTH in message.headers and hdrs.TRANSFER_ENCODING not in message.headers:
        return Sized(int(message.headers[hdrs.CONTENT_LENGTH]))
    return Unsized()


def _drop(content: bytes) -> bool:
    """What comes after the end that was looked for."""
    return False


def _waiting(descriptor: int) -> bytes:
    """What a connection has received; nothing where it has not, or has ended: that is for its transport to find.
    Raises OSError where it broke, which is told once only."""
    try:
        return os.read(descriptor, READ_BYTES)
    except BlockingIOError:
        return b""
