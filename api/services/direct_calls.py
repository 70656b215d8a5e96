"""Calls of a provider that need no loop: whoever asks waits, as long as he may. Limits, budgets and ledger as for
every other call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from threading import Thread
from typing import Any, Generic, TypeVar
from uuid import UUID

from api.domain import clock, metrics
from api.domain.budgets import Forecast
from api.domain.errors import AppError, Conflict, Overloaded, ProviderError, SessionEnded, StoreUnavailable
from api.domain.events import Usage
from api.domain.generations import Closing, queued
from api.domain.ids import new_id
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import Rates
from api.domain.pricing import Cost
from api.domain.principal import Principal
from api.providers.catalogue import Vendor
from api.providers.sdk_network import Leash
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services import once
from api.services.budgets import BudgetService
from api.services.generations import Caller, GenerationService
from api.services.once import CallKey
from api.services.prices import PriceService
from api.services.rate_limits import LimitState, RateLimitService, told

T = TypeVar("T")
PATIENCE = 30.0
PAUSE = 0.2
TOO_LATE = "The answer came, but the database was away for so long that another process has ended this call. Try again."
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
    closes its generation. With a `fault` it failed, and is paid for all the same."""

    value: T
    usage: Usage
    cost: Decimal | None = None
    keep: Callable[[UnitOfWork], None] | None = None
    fault: ProviderError | None = None


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
        call: Callable[[Planned, UUID, Leash], Made[T]],
        key: CallKey | None = None,
        *,
        kept: bool = False,
    ) -> T:
        """What `call` brings, for the generation of that id; nothing is held meanwhile. A call that fails has its row
        in the ledger as well. Whoever is shown out hears so within a second; what is `kept` is made all the same, until
        somebody stops it. Raises what both raise, TooMany, BudgetExceeded, PriceUnknown, Conflict, Overloaded,
        SessionEnded."""
        if not self._room.acquire(blocking=False):
            raise Overloaded(
                "The server makes as many such calls as it can; try again in a few seconds.", retry_after=5
            )
        leash, answer = Leash(), Future[T]()

        def shown_out() -> None:
            with suppress(InvalidStateError):  # it has its answer
                answer.set_exception(SessionEnded("This session or key has ended; sign in again."))
            if not kept:
                leash.pull()

        caller = Caller(new_id(), principal, revoked=shown_out, stopped=leash.pull)
        self._generations.carry(caller)

        def leave() -> None:
            self._generations.leave(caller)
            self._room.release()

        try:
            planned = self._begun(principal, surface, caller.generation_id, plan, key)

            def run() -> None:
                outcome: Callable[[], None]
                try:
                    outcome = partial(answer.set_result, self._carried(caller, planned, call, leash))
                except BaseException as error:
                    outcome = partial(answer.set_exception, error)
                leave()
                with suppress(InvalidStateError):  # who asked is gone
                    outcome()

            Thread(target=copy_context().run, args=(run,), name="call", daemon=True).start()
        except BaseException:
            leave()
            raise
        return answer.result()

    def _carried(
        self, caller: Caller, planned: Planned, call: Callable[[Planned, UUID, Leash], Made[T]], leash: Leash
    ) -> T:
        """In a thread of its own: whoever asked may have to go before the provider answers."""
        brought: Made[Any] = Made(None, Usage())
        try:
            brought = made = call(planned, caller.generation_id, leash)
            if made.fault is not None:
                raise made.fault
        except Exception as error:
            self._end(caller, planned, brought, error, stopped=leash.pulled)
            if leash.pulled:
                raise Conflict("This call was stopped before it had an answer. Make it again if need be.") from error
            raise
        self._end(caller, planned, made, None)
        return made.value

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
            row = queued(
                principal,
                generation_id,
                owner=self._generations.owner,
                surface=surface,
                provider=provider,
                model=model,
                config=planned.config,
                api_key_id=principal.api_key_id,
            )
            once.enter(work, row, key)
            return planned, limits

        planned, limits = self._store.write(enter)
        told(limits)
        return planned

    def _end(
        self,
        caller: Caller,
        planned: Planned,
        made: Made[Any],
        error: Exception | None,
        *,
        stopped: bool = False,
    ) -> None:
        paid = error is None or made.fault is not None
        cost, usage = self._cost(planned, made) if paid else None, made.usage
        error = None if stopped else error
        closing = Closing(
            user_id=caller.principal.user_id,
            generation_id=caller.generation_id,
            message_id=None,
            owner=self._generations.owner,
            status="stopped" if stopped else "complete" if error is None else "error",
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

        def close(work: UnitOfWork) -> bool:
            """False where somebody else has ended it."""
            counted = work.generations.close(closing)
            if counted is None:  # or an attempt before this one has, whose COMMIT nobody answered
                found = work.generations.get_owned(closing.generation_id, closing.user_id)
                return found is None or found.finished_at == closing.finished_at
            if made.keep is not None:
                made.keep(work)
            work.usage.add([counted])
            self._rate_limits.settle(work, [counted])  # before budgets, as at the beginning
            self._budgets.settle(work, [counted])
            return True

        if isinstance(error, ProviderError):
            metrics.provider_errors_total.labels(planned.vendor.id, error.code).inc()
        is_made = closing.status == "complete"
        if self._stored_in_time(close) if is_made else self._store.write(close):
            metrics.count_ended(planned.vendor.id, closing.status, usage)
        elif is_made:
            raise StoreUnavailable(TOO_LATE)

    def _stored_in_time(self, close: Callable[[UnitOfWork], bool]) -> bool:
        """What is paid for is not thrown away because the database was away for a moment. Raises StoreUnavailable."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                return self._store.write(close)
            except StoreUnavailable:
                if self._generations.draining or time.monotonic() > limit:
                    raise
            time.sleep(PAUSE)

    def _cost(self, planned: Planned, made: Made[Any]) -> Cost | None:
        provider, model = planned.vendor.id, planned.model
        if made.cost is not None:
            return self._prices.charged(provider, model, made.usage, made.cost)
        return self._prices.price(provider, model, made.usage, told=planned.rates)
