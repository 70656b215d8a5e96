"""One run: the coroutine that carries a provider call, and what becomes of it however it ends.

`carry` and everything it calls live in the loop; the callbacks of `Storable` come from the flusher's thread and
cross over through `loop.call`. Nothing here reads a request.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog

from api.domain import clock, event_index, metrics, pricing, sealed
from api.domain.chats import Message
from api.domain.errors import AppError, ProviderError
from api.domain.events import (
    Finish,
    Note,
    ProviderEvent,
    ProviderPart,
    RawChunk,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)
from api.domain.generations import Closing
from api.domain.money import in_dollars
from api.domain.pricing import Cost
from api.domain.seam import Seam
from api.providers.base import Call
from api.providers.transport import Transport
from api.services.generations.counting import Price, counted, merged, usage_value
from api.services.generations.plan import Following, Plan, call_value, message_value, started
from api.streams.flusher import Flusher
from api.streams.live_log import Event, LiveLog
from api.streams.loop import LoopThread

log = structlog.get_logger()

STATUS_OF = {"stop": "complete", "tool_calls": "complete", "length": "length", "filtered": "filtered"}
MAX_EVENTS = 100_000
MAX_RAW_BYTES = 64 * 1024 * 1024
MAX_SOURCE = 40  # what the column takes


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
        self._owner = owner
        self._loop = loop
        self._flusher = flusher
        self._transport = transport
        self._price = price
        self._before = _before(plan.message)
        self._room = max_chars - sum(map(len, self._before))
        self._seam = plan.seam
        self._raw = not isinstance(call, AppError) and call.completion.raw is not None
        self._raw_room = MAX_RAW_BYTES
        self._passed_bytes = 0
        self.kept = plan.message is not None  # a reply that nobody stores is nobody's to resume
        self._on_ended = ended
        self._task: asyncio.Task[Any] | None = None
        self._cause: str | None = None  # why it is cancelled: stopped, interrupted, length, lost, poisoned
        self._status: str | None = None
        self._error: AppError | None = None
        self._finish_reason: str | None = None
        self._usage = Usage()
        self._sealed: list[ProviderPart] = []
        self._noted: list[str] = [] if isinstance(call, AppError) else list(call.request.notes)
        self._begun_at = clock.now()
        self._first_token_at: dt.datetime | None = None
        self._keep: int | None = None  # how many events can be stored, when not all can
        self._final: list[Event] = []
        self._following: Following | None = None
        self._followed = False
        self.successor: Run | None = None

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
            await self._transport.run(self._call, self._take)
        except asyncio.CancelledError:
            self._end(self._cause or "interrupted")
        except ProviderError as error:
            metrics.provider_errors_total.labels(self.plan.provider, error.code).inc()
            self._end(self._cause or "error", None if self._cause else error)
        except Exception as error:
            self.fail(error)
        else:
            self._end(self._cause or STATUS_OF[self._finish_reason or "stop"])

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
            if self._task is not None:
                self._task.cancel()

    def _take(self, events: list[ProviderEvent]) -> None:
        if self._seam is not None:
            events = self._joined(self._seam, events)
        if len(events) == 1 and type(events[0]) is TextDelta and self._takes(len(events[0].text)):
            self.log.extend([("delta", events[0].text)])  # what nearly every read brings
            return
        arrived: list[Event] = []
        for event in self._passed_on(events) if self._raw else events:
            kind = type(event)
            if kind is TextDelta:
                arrived.append(("delta", event.text))  # type: ignore[union-attr]
            elif kind is ReasoningDelta:
                arrived.append(("reasoning", event.text))  # type: ignore[union-attr]
            elif isinstance(event, ToolCall):
                arrived.append(("tool_call", call_value(event, signed=not self.kept)))
            elif isinstance(event, RawChunk):
                arrived.append(("chunk", event))
            else:
                self._note(event)
        if not arrived or self._cause is not None:
            return
        if self._first_token_at is None:
            self._first_token_at = clock.now()
        self._append(arrived)

    def _note(self, event: ProviderEvent) -> None:
        """What is no event of the reply."""
        if isinstance(event, Usage):
            self._usage = merged(self._usage, event)
        elif isinstance(event, Finish):
            self._finish_reason = event.reason
        elif isinstance(event, Note):
            self._noted.append(event.text)
        elif isinstance(event, ProviderPart):
            self._sealed.append(event)

    @staticmethod
    def _joined(seam: Seam, events: list[ProviderEvent]) -> list[ProviderEvent]:
        joined = [TextDelta(seam.joined(event.text)) if isinstance(event, TextDelta) else event for event in events]
        return [event for event in joined if not (isinstance(event, TextDelta) and not event.text)]

    def _takes(self, chars: int) -> bool:
        """Count `chars` more, if the reply goes on and stays well within its limits with them."""
        room = self._room - chars
        if (
            room < 0
            or self._cause is not None
            or self._first_token_at is None
            or len(self.log.events) >= MAX_EVENTS - 1
        ):
            return False
        self._room = room
        return True

    def _passed_on(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        """Where the provider's own events are told as they are, what they were read as is only counted."""
        if not any(isinstance(event, RawChunk) and not event.whole for event in events):
            return events
        told: list[ProviderEvent] = []
        for event in events:
            if isinstance(event, TextDelta | ReasoningDelta):
                self._room -= len(event.text)
                self._passed_bytes += len(event.text.encode("utf-8", "replace"))
            elif isinstance(event, RawChunk):
                self._raw_room -= len(event.data)
            if not isinstance(event, TextDelta | ReasoningDelta | ToolCall):
                told.append(event)
        if self._raw_room < 0:
            self.cancel("length")
        return told

    def _append(self, arrived: list[Event]) -> None:
        self._room -= sum(len(value) for kind, value in arrived if kind in ("delta", "reasoning"))
        if self._room < 0:
            arrived = event_index.cut(arrived, -self._room)
        self.log.extend(arrived)
        if self._room < 0 or len(self.log.events) >= MAX_EVENTS:
            self.cancel("length")

    def _end(self, status: str, error: AppError | None = None) -> None:
        if self._status is not None:
            return
        if self._seam is not None and (rest := self._seam.rest()):
            self.log.extend([("delta", rest)])
        self._status = "error" if status == "poisoned" else status
        self._error = error
        if status == "poisoned":
            self._error = AppError("Part of this reply could not be stored; it was ended there.")
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

    def _publish(self) -> None:
        self.log.extend(self._final, close=True)
        self._on_ended(self)

    # In the flusher's thread

    def closing(self) -> Closing:
        events = list(self.log.events[: self._keep])
        text_before, reasoning_before = self._before
        text = event_index.joined(events, "delta")
        thought = event_index.joined(events, "reasoning")
        usage = self._counted(text, thought)
        cost = self._cost(usage)
        reasoning = reasoning_before + thought or None
        text = text_before + text
        error = self._error.problem() if self._error else None
        metadata = self._metadata(usage, cost, error)
        whole = self._status == "complete" and bool(text.strip())
        self._following = self.plan.follow(text) if self.plan.follow and whole else None
        told = usage_value(usage, cost.amount if cost else None)
        if self.plan.message:
            told["duration_ms"] = metadata["duration_ms"]
        self._final = self._ending(text, reasoning, told, metadata, error)
        return Closing(
            user_id=self.plan.user_id,
            generation_id=self.id,
            message_id=self.plan.message.id if self.plan.message else None,
            owner=self._owner,
            status=str(self._status),
            content=text,
            reasoning=reasoning,
            metadata=metadata,
            notes=self._notes(),
            event_index=self._index(events + self._final) if self.kept else None,
            first_token_at=self._first_token_at,
            finished_at=clock.now(),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            estimated=usage.estimated,
            cost=cost.amount if cost else None,
            price_source=cost.source[:MAX_SOURCE] if cost else None,
            finish_reason=self._finish_reason,
            error_code=error["code"] if error else None,
            error_detail=error["detail"] if error else None,
            parts=None if any(self._before) or self._keep is not None else sealed.stored(self._sealed, events),
            sequel=self._following.sequel if self._following else None,
        )

    def _index(self, events: list[Event]) -> str:
        return event_index.build(events, *map(len, self._before))

    def followed(self) -> None:
        """What follows it has been stored with its end."""
        self._followed = True

    def closed(self, won: bool) -> None:
        if won:
            self._count()
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
        self._keep = max(1, self.flushed)  # `started` can always be told again
        self._loop.call(self.cancel, "poisoned")

    def unclosable(self, error: Exception) -> None:
        """Close it with what is stored already; if even that fails, tell the readers and leave it to the sweep."""
        log.error("a reply could not be closed", generation_id=str(self.id), error=type(error).__name__)
        fault = AppError("This reply could not be stored whole; what was stored before is kept.")
        if self._keep is None:
            self._keep = max(1, self.flushed)  # `started` can always be told again
            self._status, self._error = "error", fault
            self._flusher.add(self)
            self._flusher.end(self)
            return
        self._final = [("error", fault.problem())]
        self._loop.call(self._publish)

    def _counted(self, text: str, reasoning: str) -> Usage:
        if self._status == "error" and self._first_token_at is None:
            return self._usage  # a call that failed before it brought anything is not estimated
        said = len((text + reasoning).encode("utf-8", "replace")) + self._passed_bytes
        return counted(self._usage, self.plan, said, ended=self._finish_reason is not None)

    def _cost(self, usage: Usage) -> Cost | None:
        """At the prices of the moment it began. A price list may be loaded for it: here, where nothing waits."""
        plan = self.plan
        return self._price(plan.provider, plan.model, usage, self._begun_at, told=plan.rates)

    def _metadata(self, usage: Usage, cost: Cost | None, error: dict[str, Any] | None) -> dict[str, Any]:
        metadata: dict[str, Any] = dict(self.plan.message.metadata) if self.plan.message else {}
        metadata |= {
            "generation_id": str(self.id),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": in_dollars(cost.amount if cost else None),
            "estimated": usage.estimated,
            "duration_ms": round((clock.now() - self._begun_at).total_seconds() * 1000),
        }
        if error:
            metadata["error"] = {name: error[name] for name in ("code", "title", "detail", "status")}
        return metadata | self._notes()

    def _notes(self) -> dict[str, Any]:
        """What the user should know of this call: turns left out, parameters that the model does not take."""
        return self.plan.notes | ({"provider": self._noted} if self._noted else {})

    def _ending(
        self,
        text: str,
        reasoning: str | None,
        usage: dict[str, Any],
        metadata: dict[str, Any],
        error: dict[str, Any] | None,
    ) -> list[Event]:
        final: list[Event] = [("usage", usage)]
        if error is not None:
            return [*final, ("error", error)]
        message = message_value(
            self.plan.message, content=text, reasoning=reasoning, status=self._status, metadata=metadata
        )
        value = {"status": self._status, "finish_reason": self._finish_reason, "message": message}
        if self.plan.message is not None and self.plan.message.kind == "plan":
            value["next"] = None
        return [*final, ("finished", value)]

    def _count(self) -> None:
        metrics.generations_total.labels(str(self._status)).inc()
        if self._first_token_at is not None:
            waited = (self._first_token_at - self._begun_at).total_seconds()
            metrics.first_token_seconds.labels(self.plan.provider).observe(waited)
        for kind in ("prompt", "completion"):
            if tokens := getattr(self._usage, f"{kind}_tokens"):
                metrics.tokens_total.labels(self.plan.provider, kind).inc(tokens)


def _before(message: Message | None) -> tuple[str, str]:
    """Text and reasoning of the part that goes on."""
    return (message.content, message.reasoning or "") if message else ("", "")
