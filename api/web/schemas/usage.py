"""Usage, limits and budgets as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.services.usage import Wanted
from api.web.openapi import Parameters
from api.web.shapes import Shape

Day = Annotated[dt.date, Field(ge=dt.date(1970, 1, 1), le=dt.date(2999, 12, 31))]
Short = Annotated[str, Field(max_length=200)]


class Period(Parameters):
    since: Day | None = Field(None, alias="from", description="The first day; by default 29 days before `to`.")
    until: Day | None = Field(None, alias="to", description="The last day; by default today, by your own clock.")
    provider: Short | None = None
    model: Short | None = None
    surface: Short | None = None
    api_key_id: UUID | None = None

    def wanted(self) -> Wanted:
        return Wanted(self.since, self.until, self.provider, self.model, self.surface, self.api_key_id)


class UsageQuery(Period):
    group_by: Literal["day", "model", "provider", "chat", "key", "surface"] | None = None


class ExportQuery(Period):
    format: Literal["csv", "json"] = "csv"


class EveryonesPeriod(Period):
    user_id: UUID | None = None

    def wanted(self) -> Wanted:
        given = (self.since, self.until, self.provider, self.model, self.surface, self.api_key_id)
        return Wanted(*given, user_id=self.user_id)


class EveryonesUsageQuery(EveryonesPeriod):
    group_by: Literal["day", "model", "provider", "key", "surface", "user"] | None = None


class EveryonesExportQuery(EveryonesPeriod):
    format: Literal["csv", "json"] = "csv"


class Waits(Shape):
    p50: int | None
    p95: int | None


class Sums(Shape):
    calls: int
    errors: int
    estimated: int = Field(description="Calls whose tokens are wholly or partly our own estimate.")
    unpriced: int = Field(description="Calls that used tokens of unknown price; they are not in `cost`.")
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cost: str | None = Field(description="US dollars, exact; null where no price is known.")
    first_token_ms: Waits = Field(description="The wait for the first token; within 5 %.")
    tokens_per_second: float | None = Field(description="From the first token on.")


class UsageAnswer(Shape):
    time_zone: str = Field(description="Whose days these are: the account's own, as its preferences say.")
    since: dt.date = Field(alias="from")
    until: dt.date = Field(alias="to")
    group_by: str | None
    total: Sums
    items: list[dict[str, Any]] = Field(description="Sums of each group, with what the group is.")


class ChatUsageAnswer(Shape):
    """All calls of a chat that have ended, those of branches that are not shown or were deleted too."""

    calls: int
    errors: int
    estimated: int
    unpriced: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cost: str | None
    seconds: float = Field(description="That they took together.")


class LimitAnswer(Shape):
    name: str
    limit: int
    remaining: int
    reset_seconds: int
    window_seconds: int


class BudgetStateAnswer(Shape):
    """A budget in its present period. Money is a decimal string of US dollars, tokens are numbers."""

    name: str
    scope: Literal["instance", "everyone", "user"]
    unit: Literal["tokens", "cost"]
    period: Literal["day", "month"]
    limit: int | str
    used: int | str
    reserved: int | str = Field(description="Put aside for calls that run.")
    remaining: int | str
    percent: int = Field(description="How much of it is used or put aside.")
    warning: Literal[80, 100] | None
    resets_at: dt.datetime


class LimitsAnswer(Shape):
    time_zone: str = Field(description="By whose clock days and months begin.")
    limits: list[LimitAnswer]
    budgets: list[BudgetStateAnswer]
