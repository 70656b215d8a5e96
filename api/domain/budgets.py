"""Budgets: so many tokens, or so much money, a day or a month, for an account or for all of the instance.

Amounts are whole numbers: tokens, or units of the last place of a dollar (domain/money.py), so that databases add them
up exactly.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from api.domain import clock
from api.domain.model_facts import Rates
from api.domain.money import from_units, in_dollars

Scope = Literal["instance", "everyone", "user"]
Unit = Literal["tokens", "cost"]
Period = Literal["day", "month"]
INSTANCE: Final = UUID(int=0)
WARN_AT: Final = 80
OUTPUT_GUESS: Final = 4096
"""Tokens of output that are put aside for a call that names no limit."""


@dataclass(frozen=True, slots=True)
class Budget:
    """`everyone`: each account has as much, unless it has one of its own (`user`). `instance`: all together."""

    id: UUID
    scope: Scope
    user_id: UUID | None
    unit: Unit
    period: Period
    amount: int

    @property
    def name(self) -> str:
        whose = "instance-" if self.scope == "instance" else ""
        return f"{whose}{self.unit}-{self.period}"

    def starts(self, day: dt.date) -> dt.date:
        """The first day of the period that `day` lies in."""
        return day.replace(day=1) if self.period == "month" else day

    def ends(self, day: dt.date) -> dt.date:
        """The first day after it."""
        if self.period == "day":
            return day + dt.timedelta(days=1)
        return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)

    def subject(self, user_id: UUID) -> UUID:
        """Whose counter a call of that account counts on."""
        return INSTANCE if self.scope == "instance" else user_id

    def shown(self, amount: int) -> str:
        """For people: "12,000 tokens" or "$0.25"."""
        return f"${in_dollars(from_units(amount))}" if self.unit == "cost" else f"{amount:,} tokens"

    def value(self, amount: int) -> int | str | None:
        """For programs."""
        return in_dollars(from_units(amount)) if self.unit == "cost" else amount


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of a call before it is made. `prompt_tokens` is an estimate; `dollars` what is put aside for a call
    without rates whose provider says afterwards what it charged."""

    generation_id: UUID
    provider: str
    model: str
    prompt_tokens: int
    output_tokens: int | None
    rates: Rates | None
    dollars: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in its present period. `used` is settled, `reserved` put aside for calls that run."""

    budget: Budget
    used: int
    reserved: int
    resets_at: dt.datetime

    @property
    def remaining(self) -> int:
        return max(0, self.budget.amount - self.used - self.reserved)

    @property
    def percent(self) -> int:
        return (self.used + self.reserved) * 100 // self.budget.amount if self.budget.amount else 100

    @property
    def warning(self) -> int | None:
        """80 or 100 once so many per cent are used."""
        return 100 if self.percent >= 100 else WARN_AT if self.percent >= WARN_AT else None


def applicable(budgets: list[Budget], user_id: UUID) -> list[Budget]:
    """Those that a call of that account counts on, in the one order in which all callers take them."""
    own = {(one.unit, one.period) for one in budgets if one.scope == "user" and one.user_id == user_id}
    return [
        one
        for one in budgets
        if one.scope == "instance"
        or (one.scope == "user" and one.user_id == user_id)
        or (one.scope == "everyone" and (one.unit, one.period) not in own)
    ]


def resets_at(budget: Budget, day: dt.date, time_zone: str | None) -> dt.datetime:
    """When the period of `day` is over by the account's clock."""
    return dt.datetime.combine(budget.ends(day), dt.time(), clock.zone(time_zone)).astimezone(dt.UTC)
