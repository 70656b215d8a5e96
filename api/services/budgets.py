"""Budgets: put aside before a call in the transaction that begins it, settled in the one that closes it.

No lock is held while a provider works: a reservation is a row. Which budgets there are is known without asking, within
a second of a change; how much of them is used is decided by the database alone.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID

from api.domain import clock, model_facts
from api.domain.audit import Actor
from api.domain.budgets import OUTPUT_GUESS, Budget, BudgetState, Forecast, applicable, resets_at
from api.domain.errors import BudgetExceeded, Invalid, NotFound, PriceUnknown
from api.domain.events import Usage
from api.domain.generations import Closing, Counted
from api.domain.money import to_units
from api.domain.pricing import cost_of
from api.domain.principal import Principal
from api.repositories.budgets import CounterKey, Held
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.generations.counting import tokens_of
from api.services.model_configs import Target
from api.services.prices import PriceService

SWEPT: Final = 100
KEPT: Final = dt.timedelta(days=70)

warned: ContextVar[tuple[BudgetState, ...]] = ContextVar("warned", default=())
"""The budgets of the present request that are used to 80 per cent and more."""


class BudgetService:
    """`hold_seconds` is how long a reservation may wait for its call's end: longer than any call takes."""

    def __init__(self, store: Store, prices: PriceService, hold_seconds: float) -> None:
        self._store = store
        self._prices = prices
        self._hold = dt.timedelta(seconds=hold_seconds)
        self._budgets: list[Budget] | None = None

    # What there is

    def refresh(self) -> list[Budget]:
        """Read which budgets there are; a thread of its own does so within each second."""
        self._budgets = self._store.read(lambda work: work.budgets.all())
        if any(one.unit == "cost" for one in self._budgets):
            model_facts.load()  # here, so that no transaction waits for it
        return self._budgets

    def put(self, actor: Actor, budget: Budget) -> Budget:
        """Make a budget, or give the one of that scope, unit and period another amount. Raises NotFound, Invalid."""
        if (budget.scope == "user") != (budget.user_id is not None):
            raise Invalid.at("user_id", "A budget of scope user names its user_id, and no other does.")

        def store(work: UnitOfWork) -> Budget:
            if budget.user_id is not None and work.accounts.get(budget.user_id) is None:
                raise NotFound("There is no such account.")
            made = work.budgets.put(budget)
            what = {"scope": budget.scope, "unit": budget.unit, "period": budget.period}
            work.audit.add(actor.did("budget.set", budget.user_id, **what, amount=budget.shown(budget.amount)))
            return made

        made = self._store.write(store)
        self.refresh()
        return made

    def delete(self, actor: Actor, budget_id: UUID | None) -> None:
        """Raises NotFound."""

        def remove(work: UnitOfWork) -> None:
            if budget_id is None or not work.budgets.delete(budget_id):
                raise NotFound("There is no such budget.")
            work.audit.add(actor.did("budget.delete", budget_id))

        self._store.write(remove)
        self.refresh()

    def states(self, principal: Principal) -> list[BudgetState]:
        """The budgets of this account and of the instance, as they stand."""
        budgets, day = applicable(self.refresh(), principal.user_id), principal.today()
        keys = {one.id: _counter(one, principal.user_id, day) for one in budgets}
        found = self._store.read(lambda work: work.budgets.counters(list(keys.values())))
        return [
            BudgetState(one, *found.get(keys[one.id], (0, 0)), resets_at(one, day, principal.time_zone))
            for one in budgets
        ]

    # A call

    def reserve(self, work: UnitOfWork, principal: Principal, calls: Sequence[Forecast], *, steps: int = 1) -> None:
        """Put aside what the calls may come to, on every budget they count on; all of it, or by raising BudgetExceeded
        or PriceUnknown in the transaction nothing. In `steps` they run one after the other."""
        budgets = applicable(self._known(work), principal.user_id)
        if not budgets:
            return
        day, held, states = principal.today(), [], []
        for budget in sorted(budgets, key=lambda one: _counter(one, principal.user_id, day)):
            key = _counter(budget, principal.user_id, day)
            amounts = [self._amount(budget, call) for call in calls]
            counted = work.budgets.reserve(key, sum(amounts), budget.amount)
            if counted is None:
                raise self._refusal(work, budget, key, sum(amounts), principal)
            held += [Held(call.generation_id, key, amount) for call, amount in zip(calls, amounts, strict=True)]
            states.append(BudgetState(budget, *counted, resets_at(budget, day, principal.time_zone)))
        work.budgets.hold(held, clock.now() + self._hold * steps)
        warned.set(tuple(state for state in states if state.warning))

    def settle(self, work: UnitOfWork, calls: Sequence[Counted]) -> None:
        """Calls that this transaction closes: what they used counts, what was put aside is free again."""
        budgets = self._known(work)
        if not budgets or not calls:
            return
        spent: dict[CounterKey, int] = defaultdict(int)
        for call in calls:
            for budget in applicable(budgets, call.closing.user_id):
                spent[_counter(budget, call.closing.user_id, call.day)] += _used(budget, call)
        work.budgets.settle([one for call in calls for one in _ended(call.closing)], spent)

    def expire(self) -> int:
        """Give back what was put aside for calls that were never settled; how many calls."""
        if not self._budgets:
            return 0
        now = clock.now()
        over = self._store.read(lambda work: work.budgets.expired(now, SWEPT))
        for generation_id in over:
            self._store.write(lambda work, one=generation_id: work.budgets.expire(one, now))  # type: ignore[misc]
        return len(over)

    def prune(self) -> int:
        """Remove the counters of long ago."""
        return self._store.write(lambda work: work.budgets.prune((clock.now() - KEPT).date())) if self._budgets else 0

    def _amount(self, budget: Budget, call: Forecast) -> int:
        """The most that a call is expected to use. Raises PriceUnknown."""
        output = OUTPUT_GUESS if call.output_tokens is None else call.output_tokens
        if budget.unit == "tokens":
            return call.prompt_tokens + output
        rates = self._prices.rates(call.provider, call.model, call.rates)
        cost = cost_of(rates, Usage(call.prompt_tokens, output if rates.output else 0)) if rates else None
        if cost is None and call.dollars is not None:
            return to_units(call.dollars)
        if cost is None:
            raise PriceUnknown(
                f"A money budget holds here, and nobody knows what {call.provider}/{call.model} costs. Choose another "
                "model, or ask an administrator of this server to set its price."
            )
        return to_units(cost.amount)

    def _known(self, work: UnitOfWork) -> list[Budget]:
        if self._budgets is None:  # before the first look
            self._budgets = work.budgets.all()
        return self._budgets

    def _refusal(
        self, work: UnitOfWork, budget: Budget, key: CounterKey, wanted: int, principal: Principal
    ) -> BudgetExceeded:
        used, reserved = work.budgets.counters([key]).get(key, (0, 0))
        state = BudgetState(budget, used, reserved, resets_at(budget, principal.today(), principal.time_zone))
        whose = "The server's budget" if budget.scope == "instance" else "Your budget"
        zone = principal.time_zone or "UTC"
        running = f" and {budget.shown(reserved)} put aside for running calls" if reserved else ""
        return BudgetExceeded(
            f"{whose} of {budget.shown(budget.amount)} a {budget.period} does not cover this call: "
            f"{budget.shown(used)} are used{running}, and this call may come to {budget.shown(wanted)}. The next "
            f"{budget.period} begins on {budget.ends(principal.today())} ({zone}). A smaller max_tokens or a cheaper "
            "model may fit; else ask an administrator of this server.",
            retry_after=max(1, math.ceil((state.resets_at - clock.now()).total_seconds())),
            budget=budget.name,
        )


def forecast(generation_id: UUID, target: Target, size: int, turns: int) -> Forecast:
    """Of a prompt of so many bytes in so many turns, the system prompt beside it."""
    size += len((target.system or "").encode("utf-8", "replace"))
    output = target.max_tokens
    if output is None and target.facts.max_output is not None:
        output = min(target.facts.max_output, OUTPUT_GUESS)
    tokens = tokens_of(size, turns + bool(target.system))
    return Forecast(generation_id, target.vendor.id, target.model, tokens, output, target.facts.rates)


def _used(budget: Budget, call: Counted) -> int:
    end = call.closing
    if budget.unit == "cost":
        return to_units(end.cost) if end.cost is not None else 0
    return (end.prompt_tokens or 0) + (end.completion_tokens or 0)


def _ended(closing: Closing) -> list[UUID]:
    """The calls for which nothing is put aside any more: with a plan that comes to nothing, its answer's."""
    notes = closing.notes
    dropped = [UUID(notes["then"])] if "then" in notes and "next" not in notes else []
    return [closing.generation_id, *dropped]


def _counter(budget: Budget, user_id: UUID, day: dt.date) -> CounterKey:
    return CounterKey(budget.subject(user_id), budget.id, budget.starts(day))


def state_value(state: BudgetState) -> dict[str, Any]:
    """As answers show it."""
    budget = state.budget
    return {
        "name": budget.name,
        "scope": budget.scope,
        "unit": budget.unit,
        "period": budget.period,
        "limit": budget.value(budget.amount),
        "used": budget.value(state.used),
        "reserved": budget.value(state.reserved),
        "remaining": budget.value(state.remaining),
        "percent": state.percent,
        "warning": state.warning,
        "resets_at": state.resets_at,
    }
