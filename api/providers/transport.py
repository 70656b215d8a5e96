"""The data plane's only connections: one call out, its events to a sink. Lives in one event loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from aiohttp import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientError,
    ClientHttpProxyError,
    ClientTimeout,
    InvalidURL,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.connector import Connection

from api.domain.errors import ProviderBadResponse, ProviderError, ProviderUnavailable
from api.domain.events import Note
from api.providers.base import Call, LearningWire, ScriptedWire, Sink, WireRequest
from api.providers.dialing import Target, dialling, guarded_connector, trusted_connector
from api.providers.exchange import Destination, Exchange
from api.providers.failures import retry_after
from api.providers.pace import Pace
from api.providers.reading import give, read_body
from api.providers.watch import Watch
from api.security.egress import Egress, refusal
from api.security.redaction import redact

MAX_ERROR_BYTES: Final = 64 * 1024
_MAX_RETRY_WAIT: Final = 2.0
_DESTINATIONS: Final = 256
_RETRY_PAUSE: Final = 0.25
_ERROR_GRACE: Final = 5.0
_PASSING_STATUSES: Final = {502, 503, 529}
_REFUSALS: Final = {400, 422}
_UNLIMITED: Final = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)  # the Watch limits
_MOST_SPOILT: Final = 20
STOPPING: Final = "The server is shutting down; try again in a few seconds."
_LASTING_FAULTS: Final = (ClientConnectorCertificateError, ClientConnectorDNSError)


class Transport:
    """Two connection pools, never one: a pooled connection would skip the guard. They live in one loop."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._trusted: TCPConnector | None = None
        self._guarded: TCPConnector | None = None
        self._pace: Pace | None = None
        self._running: set[Watch] = set()
        self._destination: Callable[[str, str, str | None], Destination]  # made with the pools

    async def open(self) -> None:
        """Make the pools in the running loop."""
        self._trusted = trusted_connector()
        self._guarded = guarded_connector(self._egress)
        self._pace = Pace()
        made = functools.partial(Destination, loop=asyncio.get_running_loop())
        self._destination = functools.lru_cache(_DESTINATIONS)(made)

    async def close(self) -> None:
        """Close every connection. Calls still running end with ProviderUnavailable."""
        for watch in tuple(self._running):
            watch.abort(ProviderUnavailable(STOPPING))
        if self._pace is not None:
            self._pace.close()
        for connector in (self._trusted, self._guarded):
            if connector is not None:
                await connector.close()

    async def run(self, call: Call, sink: Sink) -> None:
        """Send `call` and give `sink` the events of each read; return after the last one.

        Raises ProviderError only, its text free of `call.secrets`, or CancelledError: cancelling closes the
        connection to the provider at once. Retries once, and only before the reply's first byte.
        """
        try:
            async with Watch(call.timeouts) as watch:
                self._running.add(watch)
                try:
                    if _scripted(type(call.wire)):
                        await _play(call, cast(ScriptedWire, call.wire), sink, watch)
                    else:
                        await self._carry(call, sink, watch)
                finally:
                    self._running.discard(watch)
        except ProviderError as error:
            error.detail = redact(error.detail, call.secrets)
            error.args = (error.detail,)
            raise error from None

    async def post(self, url: str, body: bytes) -> int:
        """A small JSON message of our own to a user's address, guarded; the answer's status. Raises ClientError,
        OSError, ProviderError."""
        request = WireRequest(url, {"Content-Type": "application/json"}, body, trusted=False)
        exchange = await self._send(request, self._pool(request), lambda: None)
        exchange.close()  # what it says besides is of no use
        return exchange.status

    def _pool(self, request: WireRequest) -> TCPConnector:
        pool = self._trusted if request.trusted else self._guarded
        if pool is None or pool.closed:
            raise ProviderUnavailable(STOPPING)
        return pool

    async def _carry(self, call: Call, sink: Sink, watch: Watch) -> None:
        pool = self._pool(call.request)
        request: WireRequest | None = call.request
        while request is not None:
            request = await self._attempt(call, request, pool, sink, watch)

    async def _attempt(
        self, call: Call, request: WireRequest, pool: TCPConnector, sink: Sink, watch: Watch
    ) -> WireRequest | None:
        """Carry `request`. Where the server refuses a part of it, the answer is the request to send instead."""
        try:
            exchange = await self._head(request, pool, watch)
        except (ClientError, OSError, ValueError) as error:
            raise _fault(error) from None
        try:
            if exchange.status // 100 != 2:
                body = await _error_body(exchange)
                again = await _without_refused(call, request, exchange.status, body)
                if again is None:
                    raise call.wire.error(exchange.status, exchange.headers, body)
                return again
            if request is not call.request:
                _learned(call, request, sink)
            if exchange.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise ProviderBadResponse(
                    "The provider compressed its answer though asked not to. "
                    "Check the base URL and what stands before it."
                )
            assert self._pace is not None, "made with the pools"
            await read_body(exchange, call.wire.decoder(call.completion), sink, watch, self._pace)
            return None
        finally:
            exchange.close()

    async def _head(self, request: WireRequest, pool: TCPConnector, watch: Watch) -> Exchange:
        """The answer's head, after at most one retry."""
        watch.connecting()
        try:
            exchange = await self._send(request, pool, watch.connected)
        except (ClientConnectionError, OSError) as fault:
            if isinstance(fault, _LASTING_FAULTS):
                raise
            pause = _RETRY_PAUSE
        else:
            wait = _pause_before_retry(exchange)
            if wait is None:
                return exchange
            exchange.close()
            pause = wait
        await asyncio.sleep(pause)
        watch.connecting()
        return await self._send(request, pool, watch.connected)

    async def _send(self, request: WireRequest, pool: TCPConnector, connected: Callable[[], None]) -> Exchange:
        """The answer's head. Redirects are answers; connections are the pool's, `connected` is called with one."""
        proxy = request.endpoint.proxy if request.endpoint else None
        destination = self._destination(request.method, request.url, proxy)
        head = destination.head(request.headers, len(request.body))
        target = Target(destination.host, destination.port)
        dialling.set(target)
        try:
            connection = await _fresh(pool, destination)
        except (ClientError, OSError):
            if target.refused:
                raise refusal(target.host, target.port) from None
            raise
        connected()
        exchange = Exchange(connection, asyncio.get_running_loop())
        try:
            await exchange.ask(head, request.body)
        except BaseException:
            exchange.close()
            raise
        return exchange


async def _fresh(pool: TCPConnector, destination: Destination) -> Connection:
    """A connection on which nothing came that nobody asked for: of the pool's, one after the other may have such."""
    connection = await pool.connect(destination.dialled, [], _UNLIMITED)
    for _ in range(_MOST_SPOILT):
        if connection.protocol is None or not connection.protocol.should_close:
            break
        connection.close()
        connection = await pool.connect(destination.dialled, [], _UNLIMITED)
    return connection


@functools.cache
def _scripted(wire: type) -> bool:
    """Asked once a kind: to compare with a protocol costs as much as some tokens."""
    return issubclass(wire, ScriptedWire)


async def _without_refused(call: Call, sent: WireRequest, status: int, body: bytes) -> WireRequest | None:
    """In a thread: the request may hold megabytes of images, and it is encoded anew."""
    if status in _REFUSALS and isinstance(call.wire, LearningWire):
        return await asyncio.to_thread(call.wire.without_refused, sent, call.completion, status, body)
    return None


def _learned(call: Call, sent: WireRequest, sink: Sink) -> None:
    """The server took what it was sent after a refusal: it gets no less from now on, and the user knows."""
    if isinstance(call.wire, LearningWire):
        call.wire.remember(sent, call.completion)
    give(sink, [Note(text) for text in sent.notes if text not in call.request.notes])


async def _play(call: Call, wire: ScriptedWire, sink: Sink, watch: Watch) -> None:
    decoder = wire.decoder(call.completion)
    watch.connected()
    for delay, data in wire.script(call.request.body):
        await asyncio.sleep(delay)
        watch.received()
        give(sink, decoder.feed(data))
    give(sink, decoder.end())


async def _error_body(exchange: Exchange) -> bytes:
    """What a refusal says, as much of it as came. The status alone is an answer too."""
    body = bytearray()

    def take(content: bytes) -> bool:
        body.extend(content)
        return len(body) >= MAX_ERROR_BYTES

    with suppress(TimeoutError):
        async with asyncio.timeout(_ERROR_GRACE):
            await exchange.read(take)
    return bytes(body[:MAX_ERROR_BYTES])


def _pause_before_retry(response: Exchange) -> float | None:
    """Seconds to wait before a retry; None where the answer stands."""
    wait = retry_after(response.headers)
    if response.status == 429 and wait is not None and wait <= _MAX_RETRY_WAIT:
        return wait
    if response.status in _PASSING_STATUSES and (wait is None or wait <= _MAX_RETRY_WAIT):
        return _RETRY_PAUSE if wait is None else wait
    return None


def _fault(error: Exception) -> ProviderError:
    """Why there is no answer at all."""
    if isinstance(error, InvalidURL):
        return ProviderBadResponse("The base URL cannot be called as it is written. Correct it.")
    if isinstance(error, ClientConnectorCertificateError):
        return ProviderUnavailable("The provider's TLS certificate is not valid for this address. Check the base URL.")
    if isinstance(error, ClientHttpProxyError):
        return ProviderUnavailable(
            f"The proxy of this server (PROVIDER_PROXY) refused the call (status {error.status})."
        )
    if isinstance(error, ClientConnectorDNSError):
        return ProviderUnavailable("The provider's host name cannot be resolved. Check the base URL.")
    if isinstance(error, ServerDisconnectedError):
        return ProviderUnavailable("The provider closed the connection without an answer. Try again.")
    if isinstance(error, ClientConnectionError | OSError):
        return ProviderUnavailable("The provider cannot be reached. Check the base URL and that it is running.")
    return ProviderBadResponse("The provider's answer is not HTTP as it should be. Check the base URL.")
