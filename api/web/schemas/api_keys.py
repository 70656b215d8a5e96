"""API keys as JSON; the key itself is in one answer only."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints
from pydantic_core import PydanticCustomError

from api.domain.principal import Scope
from api.web.openapi import Body
from api.web.schemas.accounts import Line
from api.web.shapes import Shape


def _distinct(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) != len(scopes):
        raise PydanticCustomError("not_distinct", "Must name each scope once")
    return scopes


def _in_utc(moment: dt.datetime) -> dt.datetime:
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


class NewApiKey(Body):
    """`chat` reads too, `admin` may all that the account may."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3), AfterValidator(_distinct)]
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = None


class ApiKeyAnswer(Shape):
    id: UUID
    name: str
    prefix: str
    last4: str
    scopes: list[Scope]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


class NewApiKeyAnswer(ApiKeyAnswer):
    key: str = Field(description="Shown this once; keep it.")


class ApiKeysAnswer(Shape):
    items: list[ApiKeyAnswer]
