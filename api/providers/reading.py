"""The body of a provider's answer: each read goes to the decoder at once, in the callback that brought it.

A coroutine woken for each read costs more than everything else that is done with a token.
"""

from __future__ import annotations

from typing import Final

from api.domain.errors import ProviderBadResponse, ProviderUnavailable
from api.domain.events import ProviderEvent
from api.providers.base import Decoder, Sink
from api.providers.exchange import Exchange
from api.providers.pace import Pace
from api.providers.watch import Watch

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
_SETTLE_SECONDS: Final = 1.0


async def read_body(exchange: Exchange, decoder: Decoder, sink: Sink, watch: Watch, pace: Pace) -> None:
    """All of it, to the decoder's end. A broken connection counts only where the answer had not ended."""
    reading = _Reading(exchange, decoder, sink, watch, pace)
    try:
        await exchange.read(reading.take)
    finally:
        reading.wake()
    if decoder.done:
        watch.rest()
        await exchange.settle(_SETTLE_SECONDS)
    try:
        give(sink, decoder.end())
    except ProviderBadResponse:
        if not exchange.broken:
            raise
        raise ProviderUnavailable("The connection to the provider broke before the reply's end. Try again.") from None


def give(sink: Sink, events: list[ProviderEvent]) -> None:
    if events:
        sink(events)


class _Reading:
    """Between the connection and the decoder: counts, notes the time, and lets the connection rest."""

    def __init__(self, exchange: Exchange, decoder: Decoder, sink: Sink, watch: Watch, pace: Pace) -> None:
        self._exchange = exchange
        self._decoder = decoder
        self._sink = sink
        self._watch = watch
        self._pace = pace
        self._resting = False
        self._size = 0

    def take(self, body: bytes) -> bool:
        """Whether that was the answer's end. Raises what the decoder or the sink raises."""
        self._watch.received()
        self._size += len(body)
        if self._size > MAX_REPLY_BYTES:
            raise ProviderBadResponse(f"The provider's reply is larger than {MAX_REPLY_BYTES >> 20} MiB. Ask for less.")
        events = self._decoder.feed(body)
        if self._decoder.finished:
            self._watch.finishing(self._exchange.enough)
        if events:
            self._sink(events)
            if self._pace.seconds and not (self._resting or self._decoder.done):
                self._rest()
        return self._decoder.done

    def _rest(self) -> None:
        if self._exchange.pause():
            self._resting = True
            self._pace.rest(self)

    def wake(self) -> None:
        """The rest is over."""
        if self._resting:
            self._resting = False
            self._exchange.resume()
