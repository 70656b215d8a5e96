"""One run: the coroutine that carries a provider call, and what becomes of it however it ends.

`carry` and everything it calls live in the loop; the callbacks of `Storable` come from the flusher's thread and
cross over through `loop.call`. Nothing here reads a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog

from api.domain import metrics, pricing
from api.domain.errors import AppError, ProviderError, StoreUnavailable
from api.domain.generations import Closing
from api.providers.base import Call
from api.providers.transport import Transport
from api.services.generations.counting import Price
from api.services.generations.intake import Intake
from api.services.generations.plan import Following, Plan, Running, started
from api.services.generations.reckoning import End, Reckoning
from api.streams.flusher import Flusher
from api.streams.live_log import ENDS, Event, LiveLog
from api.streams.loop import LoopThread

log = structlog.get_logger()

STATUS_OF = {"stop": "complete", "tool_calls": "complete", "length": "length", "filtered": "filtered"}
FAULTS = ("poisoned", "stranded")


def _away() -> AppError:
    words = "The database has been away for too long; what arrived is stored when it is back."
    return StoreUnavailable(words, retry_after=30)


class Run:
    """A generation while it runs here. Ends exactly once, with a status, in `_end`."""

    def __init__(
        self,
        plan: Plan,
        call: Call | AppError,
        *,
        owner: UUID,
        loop: LoopThread,
        flusher: Flusher,
        transport: Transport,
        max_chars: int,
        ended: Callable[[Run], None],
        price: Price = pricing.price,
    ) -> None:
        self.id = plan.generation_id
        self.plan = plan
        self.log = LiveLog([("started", started(plan))])
        self.flushed = 0
        self._call = call
        self._loop = loop
        self._flusher = flusher
        self._transport = transport
        encoded = None if isinstance(call, AppError) else call
        self._intake = Intake(
            plan,
            self.log,
            raw=encoded is not None and encoded.completion.raw is not None,
            notes=tuple(encoded.request.notes) if encoded else (),
            max_chars=max_chars,
            full=lambda: self.cancel("length"),
        )
        self.kept = self._intake.kept
        self.given_up = False  # its end could not be stored, whatever was tried
        self._reckoning = Reckoning(plan, self.log, self._intake, owner=owner, price=price)
        self._on_ended = ended
        self._task: asyncio.Task[Any] | None = None
        self._cause: str | None = None  # why it is cancelled: stopped, interrupted, length, lost, poisoned, stranded
        self._status: str | None = None
        self._error: AppError | None = None
        self._keep: int | None = None  # how many events can be stored, when not all can
        self._bare = False  # what the provider said besides its reply cannot be stored
        self._final: list[Event] = []
        self._following: Following | None = None
        self._followed = False
        self.successor: Running | None = None

    # In the loop

    async def carry(self) -> None:
        """The whole provider call. Never raises but CancelledError before its first step."""
        self._task = asyncio.current_task()
        if self._cause is not None:
            self._end(self._cause)
            return
        if isinstance(self._call, AppError):  # it could not even be encoded
            self._end("error", self._call)
            return
        try:
            await self._transport.run(self._call, self._intake.take)
        except asyncio.CancelledError:
            self._end(self._cause or "interrupted")
        except ProviderError as error:
            metrics.provider_errors_total.labels(self.plan.provider, error.code).inc()
            self._end(self._cause or "error", None if self._cause else error)
        except Exception as error:
            self.fail(error)
        else:
            self._end(self._cause or STATUS_OF[self._intake.finish_reason or "stop"])

    def when_ended(self, do: Callable[[Run], None]) -> None:
        """Call `do` once, in the loop's thread, when the end is stored. From any thread."""
        told = False

        def look() -> None:
            nonlocal told
            if self.log.ended and not told:
                told = True
                self.log.unsubscribe(look)
                do(self)

        self._loop.call(self.log.subscribe, look)
        self._loop.call(look)

    def fail(self, error: BaseException) -> None:
        """The last resort: whatever was raised becomes a typed ending."""
        if self._status is not None:
            return
        self._loop.aside(lambda: log.error("a run failed", generation_id=str(self.id), exc_info=error))
        self._end("error", AppError("The server met a fault of its own; what had arrived is kept. Try again."))

    def cancel(self, cause: str) -> None:
        """End it from outside: the provider's connection is closed at once."""
        if self._status is None and self._cause is None:
            self._cause = cause
            self._intake.shut = True
            if self._task is not None:
                self._task.cancel()

    def _end(self, status: str, error: AppError | None = None) -> None:
        if self._status is not None:
            return
        self._intake.end()
        self._status = "error" if status in FAULTS else status
        self._error = error
        if error is not None:  # its frames hold this run, its request and what came: only its words are kept
            error.__traceback__ = error.__context__ = error.__cause__ = None
        if status == "poisoned":
            self._error = AppError("Part of this reply could not be stored; it was ended there. Ask again.")
        if status == "stranded":
            self._error = _away()
        if status == "lost":
            self._leave()
        else:
            self._flusher.end(self)

    def _leave(self) -> None:
        """Somebody else closed it. Readers are cut without an end, resume, and find the true one."""
        self.log.extend([], close=True)
        self._on_ended(self)

    def _begin_following(self) -> None:
        """Beside loop and flusher. A reader who hears of the end finds what follows it."""
        assert self._following is not None
        self._final[-1][1]["next"] = self._following.sequel.generation_id
        try:
            self.successor = self._following.begin()
        finally:
            self._loop.call(self._publish)

    def _tell_early(self) -> None:
        """What is stored later has the same events; for a reply that was whole, `finished` in place of this error."""
        self.log.extend([event for event in self._final if event[0] not in ENDS], close=False)
        self.log.extend([("error", _away().problem())], close=True)

    def _publish(self) -> None:
        self.log.extend(self._final, close=True)
        self._on_ended(self)

    # In the flusher's thread

    def closing(self) -> Closing:
        reckoned = self._reckoning.of(End(str(self._status), self._error, self._keep, self._bare))
        self._final, self._following = reckoned.final, reckoned.following
        return reckoned.closing

    def followed(self) -> None:
        """What follows it has been stored with its end."""
        self._followed = True

    def closed(self, won: bool) -> None:
        if won:
            self._reckoning.count(str(self._status))
        if won and self._followed:
            self._loop.aside(self._begin_following)
        else:
            self._loop.call(self._publish if won else self._leave)

    def lost(self) -> None:
        self._loop.call(self.cancel, "lost")

    def stop_requested(self) -> None:
        self._loop.call(self.cancel, "stopped")

    def poisoned(self, error: Exception) -> None:
        log.error("events could not be stored", generation_id=str(self.id), error=type(error).__name__)
        self._keep, self._bare = max(1, self.flushed), True  # `started` can always be told again
        self._loop.call(self.cancel, "poisoned")

    def stranded(self) -> None:
        self._loop.call(self.cancel, "stranded")

    def untold(self) -> None:
        self._loop.call(self._tell_early)

    def unclosable(self, error: Exception) -> None:
        """Close it without what the provider said besides; then with what is stored already; if even that fails, tell
        the readers and leave it to the sweep."""
        log.error("a reply could not be closed", generation_id=str(self.id), error=type(error).__name__)
        fault = AppError("This reply could not be stored whole; what was stored before is kept. Ask again.")
        if self._keep is not None:
            self.given_up = True
            self._final = [("error", fault.problem())]
            self._loop.call(self._publish)
            return
        if self._bare:
            self._keep = max(1, self.flushed)  # `started` can always be told again
            self._status, self._error = "error", fault
        self._bare = True
        self._flusher.add(self)
        self._flusher.end(self)
