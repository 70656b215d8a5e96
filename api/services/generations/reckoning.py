"""What a run comes to when it ends: its whole text, usage and cost, and the events that tell of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from api.domain import clock, event_index, metrics, sealed
from api.domain.errors import AppError
from api.domain.events import Usage
from api.domain.generations import Closing
from api.domain.money import in_dollars
from api.domain.pricing import Cost
from api.services.generations.counting import Price, counted, usage_value
from api.services.generations.intake import Intake
from api.services.generations.plan import Following, Plan, message_value
from api.streams.live_log import Event, LiveLog

MAX_SOURCE: Final = 40  # what the column takes
NO_WORDS: Final = "The model ended its reply without writing anything. Ask again, or choose another model."


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended; `keep` is how many of its events can be stored, when not all can. `bare`: what the provider
    said besides, such as its counts, cannot be stored."""

    status: str
    error: AppError | None = None
    keep: int | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What is stored, what the readers are told last, and what comes after it."""

    closing: Closing
    final: list[Event]
    following: Following | None


class Reckoning:
    """One run's account. Used in the flusher's thread, once nothing more arrives."""

    def __init__(self, plan: Plan, log: LiveLog, intake: Intake, *, owner: UUID, price: Price) -> None:
        self._plan = plan
        self._log = log
        self._intake = intake
        self._owner = owner
        self._price = price
        self._begun_at = clock.now()

    def of(self, end: End) -> Reckoned:
        plan, intake = self._plan, self._intake
        events = list(self._log.events[: end.keep])
        text_before, reasoning_before = intake.before
        text = event_index.joined(events, "delta")
        thought = event_index.joined(events, "reasoning")
        usage = self._counted(end, text, thought)
        cost = self._cost(usage)
        reasoning = reasoning_before + thought or None
        text = text_before + text
        error = end.error.problem() if end.error else None
        notes = self._notes(end, text, events)
        metadata = self._metadata(usage, cost, error) | notes
        whole = end.status == "complete" and bool(text.strip())
        following = plan.follow(text) if plan.follow and whole else None
        told = usage_value(usage, cost.amount if cost else None)
        if plan.message:
            told["duration_ms"] = metadata["duration_ms"]
        final: list[Event] = [("usage", told)]
        if error is not None:
            final.append(("error", error))
        else:
            final.append(("finished", self._finished(end, text, reasoning, metadata)))
        closing = Closing(
            user_id=plan.user_id,
            generation_id=plan.generation_id,
            message_id=plan.message.id if plan.message else None,
            owner=self._owner,
            status=end.status,
            content=text,
            reasoning=reasoning,
            metadata=metadata,
            notes=notes,
            event_index=event_index.build(events + final, *map(len, intake.before)) if intake.kept else None,
            first_token_at=intake.first_token_at,
            finished_at=clock.now(),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            estimated=usage.estimated,
            cost=cost.amount if cost else None,
            price_source=cost.source[:MAX_SOURCE] if cost else None,
            finish_reason=intake.finish_reason,
            error_code=error["code"] if error else None,
            error_detail=error["detail"] if error else None,
            parts=None if any(intake.before) or end.bare else sealed.stored(intake.sealed, events),
            sequel=following.sequel if following else None,
        )
        return Reckoned(closing, final, following)

    def count(self, status: str) -> None:
        """In the process's metrics, once it is stored."""
        provider, intake = self._plan.provider, self._intake
        metrics.count_ended(provider, status, intake.usage)
        if intake.first_token_at is not None:
            metrics.first_token_seconds.labels(provider).observe(self._seconds(intake.first_token_at))

    def _seconds(self, until: dt.datetime) -> float:
        return (until - self._begun_at).total_seconds()

    def _counted(self, end: End, text: str, reasoning: str) -> Usage:
        intake = self._intake
        told = Usage() if end.bare else intake.usage
        if end.status == "error" and intake.first_token_at is None:
            return told  # a call that failed before it brought anything is not estimated
        said = len((text + reasoning).encode("utf-8", "replace")) + intake.passed_bytes
        return counted(told, self._plan, said, ended=intake.finish_reason is not None)

    def _cost(self, usage: Usage) -> Cost | None:
        """At the prices of the moment it began. A price list may be loaded for it: here, where nothing waits."""
        plan = self._plan
        return self._price(plan.provider, plan.model, usage, self._begun_at, told=plan.rates)

    def _metadata(self, usage: Usage, cost: Cost | None, error: dict[str, Any] | None) -> dict[str, Any]:
        plan = self._plan
        metadata: dict[str, Any] = dict(plan.message.metadata) if plan.message else {}
        metadata |= {
            "generation_id": str(plan.generation_id),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": in_dollars(cost.amount if cost else None),
            "estimated": usage.estimated,
            "duration_ms": round(self._seconds(clock.now()) * 1000),
        }
        if error:
            metadata["error"] = {name: error[name] for name in ("code", "title", "detail", "status")}
        return metadata

    def _notes(self, end: End, text: str, events: list[Event]) -> dict[str, Any]:
        """What the user should know of this call: turns left out, parameters that the model does not take, and that
        it has said nothing."""
        noted = list(self._intake.noted)
        ended = end.status == "complete" and self._plan.message is not None
        if ended and not text.strip() and not any(kind == "tool_call" for kind, _ in events):
            noted.append(NO_WORDS)
        return self._plan.notes | ({"provider": noted} if noted else {})

    def _finished(self, end: End, text: str, reasoning: str | None, metadata: dict[str, Any]) -> dict[str, Any]:
        """The value of the event `finished`."""
        message = self._plan.message
        shown = message_value(message, content=text, reasoning=reasoning, status=end.status, metadata=metadata)
        value = {"status": end.status, "finish_reason": self._intake.finish_reason, "message": shown}
        if message is not None and message.kind == "plan":
            value["next"] = None
        return value
