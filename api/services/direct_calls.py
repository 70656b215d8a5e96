"""Calls of a provider that need no loop: whoever asks waits. Limits, budgets and ledger as for every other call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from api.domain import clock
from api.domain.budgets import Forecast
from api.domain.errors import AppError, Overloaded
from api.domain.events import Usage
from api.domain.generations import Closing
from api.domain.ids import new_id
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import Rates
from api.domain.pricing import Cost
from api.domain.principal import Principal
from api.providers.catalogue import Vendor
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services import once
from api.services.budgets import BudgetService
from api.services.generations import GenerationService
from api.services.once import CallKey
from api.services.prices import PriceService
from api.services.rate_limits import LimitState, RateLimitService, told

T = TypeVar("T")
NO_FAULT_TOLD = "Something went wrong on our side."


@dataclass(frozen=True, slots=True)
class Planned:
    """A call that is to be made. `prompt_tokens` and `output_tokens` are estimates, `dollars` as in Forecast."""

    vendor: Vendor
    config: ModelConfig | None
    model: str
    prompt_tokens: int
    rates: Rates | None = None
    output_tokens: int = 0
    dollars: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """What a call brought. `cost` is the provider's own word; `keep` stores what is to stay, in the transaction that
    closes its generation."""

    value: T
    usage: Usage
    cost: Decimal | None = None
    keep: Callable[[UnitOfWork], None] | None = None


class DirectCalls:
    """At most `most` at a time: each holds a request's thread, and the others are for lists and signing in."""

    def __init__(
        self,
        store: Store,
        generations: GenerationService,
        rate_limits: RateLimitService,
        budgets: BudgetService,
        prices: PriceService,
        *,
        most: int,
    ) -> None:
        self._store = store
        self._generations = generations
        self._rate_limits = rate_limits
        self._budgets = budgets
        self._prices = prices
        self._room = threading.BoundedSemaphore(most)

    def make(
        self,
        principal: Principal,
        surface: str,
        plan: Callable[[UnitOfWork], Planned],
        call: Callable[[Planned, UUID], Made[T]],
        key: CallKey | None = None,
    ) -> T:
        """What `call` brings, for the generation of that id; nothing is held meanwhile. A call that fails has its row
        in the ledger as well. Raises what both raise, TooMany, BudgetExceeded, PriceUnknown, Conflict, Overloaded."""
        if not self._room.acquire(blocking=False):
            raise Overloaded(
                "The server makes as many such calls as it can; try again in a few seconds.", retry_after=5
            )
        generation_id = new_id()
        try:
            with self._generations.carrying(generation_id):
                planned = self._begun(principal, surface, generation_id, plan, key)
                try:
                    made = call(planned, generation_id)
                except Exception as error:
                    self._end(principal, generation_id, planned, Made(None, Usage()), error)
                    raise
                self._end(principal, generation_id, planned, made, None)
                return made.value
        finally:
            self._room.release()

    def _begun(
        self,
        principal: Principal,
        surface: str,
        generation_id: UUID,
        plan: Callable[[UnitOfWork], Planned],
        key: CallKey | None,
    ) -> Planned:
        def enter(work: UnitOfWork) -> tuple[Planned, tuple[LimitState, ...]]:
            limits = self._rate_limits.count_within(work, principal, generations=1)
            planned = plan(work)
            provider, model = planned.vendor.id, planned.model
            limits += self._rate_limits.count_calls(work, principal, surface, [(provider, model)])
            forecast = Forecast(
                generation_id,
                provider,
                model,
                planned.prompt_tokens,
                planned.output_tokens,
                planned.rates,
                planned.dollars,
            )
            self._budgets.reserve(work, principal, [forecast])
            row: dict[str, Any] = {
                "user_id": principal.user_id,
                "id": generation_id,
                "chat_id": None,
                "api_key_id": principal.api_key_id,
                "model_config_id": planned.config.id if planned.config else None,
                "surface": surface,
                "provider": provider,
                "model": model,
                "status": "queued",
                "notes": {},
                "queued_at": clock.now(),
                "day": principal.today(),
                "owner": self._generations.owner,
            }
            once.enter(work, row, key)
            return planned, limits

        planned, limits = self._store.write(enter)
        told(limits)
        return planned

    def _end(
        self, principal: Principal, generation_id: UUID, planned: Planned, made: Made[Any], error: Exception | None
    ) -> None:
        cost, usage = self._cost(planned, made) if error is None else None, made.usage
        closing = Closing(
            user_id=principal.user_id,
            generation_id=generation_id,
            message_id=None,
            owner=self._generations.owner,
            status="complete" if error is None else "error",
            content="",
            reasoning=None,
            metadata={},
            notes={},
            event_index=None,
            first_token_at=None,
            finished_at=clock.now(),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost=cost.amount if cost else None,
            price_source=cost.source if cost else None,
            error_code=error.code if isinstance(error, AppError) else "internal_error" if error else None,
            error_detail=error.detail if isinstance(error, AppError) else NO_FAULT_TOLD if error else None,
        )

        def close(work: UnitOfWork) -> None:
            if counted := work.generations.close(closing):
                if made.keep is not None:
                    made.keep(work)
                work.usage.add([counted])
                self._rate_limits.settle(work, [counted])  # before budgets, as at the beginning
                self._budgets.settle(work, [counted])

        self._store.write(close)

    def _cost(self, planned: Planned, made: Made[Any]) -> Cost | None:
        provider, model = planned.vendor.id, planned.model
        if made.cost is not None:
            return self._prices.charged(provider, model, made.usage, made.cost)
        return self._prices.price(provider, model, made.usage, told=planned.rates)
