"""Accounts, settings and the audit log as administrators see them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from api.domain import clock
from api.domain.budgets import Budget, Unit
from api.domain.errors import Invalid
from api.domain.ids import new_id
from api.domain.money import to_units
from api.domain.prices import RATES, ModelPrice
from api.web.openapi import Body, Parameters
from api.web.schemas.accounts import Line, NewPassword, Username
from api.web.shapes import Shape

Limit = Annotated[int, Field(ge=0, le=1_000_000_000)]
AMOUNT = r"^\d{1,8}(\.\d{1,10})?$"


def _dollars(text: str) -> str:
    if not re.fullmatch(AMOUNT, text, re.ASCII):
        raise PydanticCustomError("dollars", "Must be dollars as a text, such as 12.50: no sign, at most ten decimals")
    return text


Dollars = Annotated[str, AfterValidator(_dollars), Field(json_schema_extra={"pattern": AMOUNT})]
Days = Annotated[int, Field(ge=1, le=36_500)]


class OwnLimits(Body):
    """Limits of one account, above the instance's; null takes one away again."""

    writes: Limit | None = None
    reads: Limit | None = None
    generations: Limit | None = None


class NewUser(Body):
    email: Annotated[str, Field(max_length=500)]
    username: Username
    password: NewPassword
    full_name: Line | None = None
    role: Literal["member", "admin"] = "member"


class UserChange(Body):
    """Only what is given is changed."""

    role: Literal["member", "admin"] = Field("member")
    is_active: bool = True
    limits: OwnLimits | None = None

    def values(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class PasswordReset(Body):
    new_password: NewPassword


class AdminUserAnswer(Shape):
    id: UUID
    email: str
    username: str
    full_name: str | None
    role: str
    is_active: bool
    limits: dict[str, int]
    created_at: dt.datetime
    updated_at: dt.datetime


class UsersAnswer(Shape):
    items: list[AdminUserAnswer]
    next_cursor: str | None


class UsersQuery(Parameters):
    search: str = Field("", max_length=200, description="A part of the username, email address or full name.")
    role: Literal["member", "admin"] | None = None
    is_active: bool | None = None
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class RuleBody(Body):
    """At most so many calls, or tokens, of one account in any hour. `name` null: of each, counted by itself."""

    kind: Literal["user", "key", "model", "surface"]
    name: Annotated[str, Field(min_length=1, max_length=250)] | None = None
    measure: Literal["requests", "tokens"]
    per_hour: Annotated[int, Field(ge=0, le=1_000_000_000)]


class RulesBody(Body):
    items: Annotated[list[RuleBody], Field(max_length=1000)]


class RulesAnswer(Shape):
    items: list[RuleBody]


class SettingsAnswer(Shape):
    registration: Literal["open", "closed"]
    default_model: str
    system_prompt: str
    requests_per_hour: int
    generations_per_hour: int
    retention_chats_days: int | None
    retention_events_minutes: int
    retention_images_days: int | None
    retention_audit_days: int | None


class SettingsChange(Body):
    """What is given counts at once, above the environment's; `reset` names what goes back to the environment's."""

    registration: Literal["open", "closed"] = "open"
    default_model: Annotated[str, Field(max_length=200)] = ""
    system_prompt: Annotated[str, Field(max_length=100_000)] = Field(
        "", description="What models are told first where no chat, prompt or model config says it."
    )
    requests_per_hour: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1000
    generations_per_hour: Annotated[int, Field(ge=1, le=1_000_000_000)] = 100
    retention_chats_days: Days | None = Field(None, description="Chats untouched for so long go, pinned ones stay.")
    retention_images_days: Days | None = Field(None, description="Images made so long ago go.")
    retention_audit_days: Days | None = None
    retention_events_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        10, description="After a reply's end: how long a reader that was cut still gets its events one by one."
    )
    reset: list[str] = Field([], max_length=50)

    def values(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class SharedConfigAnswer(Shape):
    id: UUID
    user_id: UUID
    name: str
    provider: str
    base_url: str | None
    model: str | None
    created_at: dt.datetime


class SharedConfigsAnswer(Shape):
    items: list[SharedConfigAnswer]


class SharedPromptAnswer(Shape):
    """`user_id` is null for one that is built in."""

    id: UUID
    user_id: UUID | None
    name: str
    slug: str
    description: str
    content: str
    version: int
    updated_at: dt.datetime


class SharedPromptsAnswer(Shape):
    items: list[SharedPromptAnswer]


class BudgetBody(Body):
    """A budget of tokens or of money: exactly one of the two amounts."""

    scope: Literal["instance", "everyone", "user"]
    user_id: UUID | None = None
    period: Literal["day", "month"]
    tokens: Annotated[int, Field(ge=0, le=10**15)] | None = None
    dollars: Dollars | None = None

    def budget(self) -> Budget:
        """Raises Invalid."""
        if (self.tokens is None) == (self.dollars is None):
            raise Invalid.at("tokens", "Give either tokens or dollars.")
        amount = self.tokens if self.tokens is not None else to_units(Decimal(self.dollars or "0"))
        unit: Unit = "tokens" if self.tokens is not None else "cost"
        return Budget(new_id(), self.scope, self.user_id, unit, self.period, amount)


class BudgetAnswer(Shape):
    id: UUID
    scope: Literal["instance", "everyone", "user"]
    user_id: UUID | None
    period: Literal["day", "month"]
    tokens: int | None
    dollars: str | None


class BudgetsAnswer(Shape):
    items: list[BudgetAnswer]


class PriceBody(Body):
    """US dollars a million tokens, as decimal strings. `model` may be `*`: all of the provider without one."""

    provider: Annotated[str, Field(min_length=1, max_length=40)]
    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: Dollars
    output: Dollars | None = Field(None, description="Null for models that put nothing out, such as embeddings.")
    cached: Dollars | None = Field(None, description="Null: as `input`.")
    cache_write: Dollars | None = Field(None, description="Null: as `input`.")
    reasoning: Dollars | None = Field(None, description="Null: as `output`.")

    def price(self) -> ModelPrice:
        rates: dict[str, Any] = {name: text and Decimal(text) for name in RATES for text in (getattr(self, name),)}
        return ModelPrice(self.provider, self.model, **rates, updated_at=clock.now())


class PriceAnswer(PriceBody):
    updated_at: dt.datetime


class PricesAnswer(Shape):
    items: list[PriceAnswer]


class PriceQuery(Parameters):
    provider: str = Field(max_length=40)
    model: str = Field(max_length=200)


class AuditQuery(Parameters):
    user_id: UUID | None = Field(None, description="Who did it.")
    action: str | None = Field(None, max_length=60, description="An action such as `user.change`, or its beginning.")
    target: str | None = Field(None, max_length=200, description="The id of what it was done to.")
    cursor: UUID | None = None
    limit: int = Field(50, ge=1, le=200)


class AuditEntryAnswer(Shape):
    id: UUID
    at: dt.datetime
    user_id: UUID | None
    username: str
    action: str
    target: str | None
    detail: dict[str, Any]
    address: str | None
    request_id: str | None


class AuditAnswer(Shape):
    items: list[AuditEntryAnswer]
    next_cursor: str | None


class ProviderHealth(Shape):
    provider: str
    state: Literal["well", "degraded", "failing", "unused"]
    configs: int
    calls: int
    errors: int
    error_share: float | None
    first_token_ms: dict[str, int | None]


class ProvidersHealth(Shape):
    items: list[ProviderHealth]
