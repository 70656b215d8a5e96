"""The body of a provider's answer: each read goes to the decoder at once, in the callback that brought it.

A coroutine woken for each read costs more than everything else that is done with a token. So while a body arrives, the
connection's protocol is ours. aiohttp's stays behind it, is given all bytes that matter to the connection's life, and
what it makes of them is taken from it on the spot.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from aiohttp import ClientError, ClientResponse

from api.domain.errors import ProviderBadResponse, ProviderUnavailable
from api.domain.events import ProviderEvent
from api.providers.base import Decoder, Sink
from api.providers.pace import Pace
from api.providers.watch import Watch

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
_SHORT_READ: Final = 16 * 1024
_SIZE_LINE: Final = re.compile(rb"[0-9a-fA-F]{1,7}\r\n")


async def read_body(response: ClientResponse, decoder: Decoder, sink: Sink, watch: Watch, pace: Pace) -> None:
    """All of it, to the decoder's end. A broken connection counts only where the answer had not ended."""
    body = _Body(response, decoder, sink, watch, pace)
    await body.read()
    if decoder.done and not body.broken and not response.content.at_eof():
        watch.rest()
        await await_end(response)
    try:
        give(sink, decoder.end())
    except ProviderBadResponse:
        if not body.broken:
            raise
        raise ProviderUnavailable("The connection to the provider broke before the reply's end.") from None


async def await_end(response: ClientResponse, seconds: float = 1.0) -> None:
    """The answer is complete. Its connection is worth keeping if it ends soon, and not worth a long wait."""
    try:
        async with asyncio.timeout(seconds):
            while await response.content.readany():
                pass
    except (TimeoutError, ClientError, OSError):
        pass


def give(sink: Sink, events: list[ProviderEvent]) -> None:
    if events:
        sink(events)


class _Body(asyncio.Protocol):
    """Stands before aiohttp's protocol from the head's arrival to the body's end."""

    def __init__(self, response: ClientResponse, decoder: Decoder, sink: Sink, watch: Watch, pace: Pace) -> None:
        self._content = response.content
        self._decoder = decoder
        self._sink = sink
        self._watch = watch
        self._pace = pace
        self._resting = False
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._size = 0
        self._at_boundary = False
        self.broken = False
        connection = response.connection  # None where all of the body is here already
        self._transport = connection.transport if connection is not None else None
        if self._transport is not None:
            self._behind: asyncio.Protocol = self._transport.get_protocol()  # type: ignore[assignment]

    async def read(self) -> None:
        """Return when the decoder has its end or the bytes are over. Raises what the decoder or the sink raised."""
        if self._transport is not None:
            self._transport.set_protocol(self)
        try:
            self._look(b"")
            await self._over
        finally:
            self._give_back()

    def data_received(self, data: bytes) -> None:
        if self._at_boundary and (body := whole_chunks(data)) is not None:
            self._take(body)
            return
        self._behind.data_received(data)
        if not self._over.done():
            self._look(data)

    def eof_received(self) -> bool | None:
        return self._behind.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)
        if not self._over.done():
            self._look(b"")
            self._end()

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()

    def _look(self, data: bytes) -> None:
        """Take what aiohttp has made of the bytes, the last of which are `data`."""
        content = self._content
        body = b""
        try:
            while (more := content.read_nowait()) and not self._over.done():
                body = more
                self._take(body)
        except (ClientError, OSError):
            self.broken = True
            self._end()
            return
        if content.is_eof() or self._transport is None:
            self._end()
        # Were aiohttp's parser inside a chunk, these bytes would end alike; were it inside a chunk's size line, there
        # would be no bare line feed. So the next read begins with a size line, and may be taken apart here.
        elif data.endswith(b"\n\r\n") and body.endswith(b"\n") and not body.endswith(b"\r\n"):
            self._at_boundary = len(data) < _SHORT_READ
        else:
            self._at_boundary = False

    def _take(self, body: bytes) -> None:
        self._watch.received()
        self._size += len(body)
        try:
            if self._size > MAX_REPLY_BYTES:
                raise ProviderBadResponse(f"The provider's answer is larger than {MAX_REPLY_BYTES >> 20} MiB.")
            events = self._decoder.feed(body)
            if events:
                self._sink(events)
                if self._pace.seconds and not self._resting:
                    self._rest()
        except Exception as error:
            self._end(error)
        else:
            if self._decoder.done:
                self._end()

    def _rest(self) -> None:
        if self._transport is not None and not self._over.done() and not self._transport.is_closing():
            self._resting = True
            self._transport.pause_reading()
            self._pace.rest(self)

    def wake(self) -> None:
        """The rest is over."""
        if self._resting:
            self._resting = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def _end(self, error: Exception | None = None) -> None:
        if not self._over.done():
            self._give_back()
            if error is None:
                self._over.set_result(None)
            else:
                self._over.set_exception(error)

    def _give_back(self) -> None:
        """What comes now is aiohttp's again: the body's last bytes, and the connection's next request."""
        self.wake()
        if self._transport is not None and self._transport.get_protocol() is self:
            self._transport.set_protocol(self._behind)


def whole_chunks(data: bytes) -> bytes | None:
    """The content of `data` if it is chunks of a chunked body, every one whole and none the last; else None."""
    parts: list[bytes] = []
    at, size = 0, len(data)
    while at < size:
        line = _SIZE_LINE.match(data, at)
        if line is None:
            return None
        start = line.end()
        end = start + int(line[0], 16)
        if end == start or data[end : end + 2] != b"\r\n":
            return None
        at = end + 2
        if at == size and not parts:
            return data[start:end]
        parts.append(data[start:end])
    return b"".join(parts)
