"""Four time-outs with one timer: reads only note the time, and the timer looks whether one came too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final

from api.domain.errors import ProviderError, ProviderTimeout
from api.providers.base import Timeouts

AFTER_END: Final = 30.0  # of silence, where a reply is whole and its stream has no end


class Watch:
    """A context in which one call runs. Phases: connecting, first byte, between bytes; and the total.

    Leaving it after a time-out raises ProviderTimeout; a cancellation from outside stays a cancellation.
    """

    __slots__ = ("_enough", "_failure", "_limit", "_loop", "_say", "_scope", "_since", "_timer", "_total", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._total = self._since + timeouts.total
        self._limit = timeouts.connect
        self._say: Callable[[float], str] = _no_connection
        self._failure: ProviderError | None = None
        self._enough: Callable[[], None] | None = None
        self._scope = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None

    def connecting(self) -> None:
        """A (further) attempt to connect begins."""
        self._phase(self.timeouts.connect, _no_connection)

    def connected(self) -> None:
        """The request goes out; the first byte of the reply is next."""
        self._phase(self.timeouts.first, _no_first_byte)

    def received(self) -> None:
        """Bytes came. Cheap: an attribute, no timer."""
        if self._say is _silence:
            self._since = self._loop.time()
        else:
            self._phase(self.timeouts.between, _silence)

    def finishing(self, enough: Callable[[], None]) -> None:
        """The reply is whole. What may follow it is waited for a little; in vain is no error: `enough` is called."""
        if self._enough is None:
            self._enough = enough
            self._phase(min(self.timeouts.between, AFTER_END), _silence)

    def abort(self, failure: ProviderError) -> None:
        """End the call from outside, with this error."""
        if self._failure is None:
            self._failure = failure
            self.rest()
            self._scope.reschedule(self._loop.time())

    def rest(self) -> None:
        """The reply is complete: nothing can come too late any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def __aenter__(self) -> Watch:
        await self._scope.__aenter__()
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError:
            if self._failure is None:
                raise
            raise self._failure from None

    def _phase(self, limit: float, say: Callable[[float], str]) -> None:
        self._since = self._loop.time()
        self._limit, self._say = limit, say
        if self._timer is not None and self._timer.when() > self._since + limit:
            self._timer.cancel()
            self._look()

    def _look(self) -> None:
        """Run by the timer: expire what is late, or look again when it could be."""
        now = self._loop.time()
        late = self._since + self._limit
        if now < min(late, self._total):
            self._timer = self._loop.call_at(min(late, self._total), self._look)
            return
        if self._total < late:
            self._limit, self._say = self.timeouts.total, _too_long
        self._timer = None
        if self._enough is not None:
            self._enough()
            return
        self.abort(ProviderTimeout(self._say(self._limit)))


def _no_connection(limit: float) -> str:
    return f"No connection to the provider within {limit:g} s. Check the base URL and the network."


def _no_first_byte(limit: float) -> str:
    return f"The provider did not begin to answer within {limit:g} s. Try again or choose another model."


def _silence(limit: float) -> str:
    return f"The provider stopped sending for {limit:g} s. Try again or choose another model."


def _too_long(limit: float) -> str:
    return f"The reply took longer than the {limit:g} s that one reply may take. Try again with a smaller task."
