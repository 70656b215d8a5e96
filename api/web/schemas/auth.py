"""Signing in and out as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from api.domain.account_rules import MAX_EMAIL
from api.web.openapi import Body
from api.web.schemas.accounts import Line, NewPassword, Password, UserAnswer, Username
from api.web.shapes import Shape

Identifier = Annotated[str, Field(max_length=500)]


class Registration(Body):
    email: Annotated[str, Field(max_length=500, json_schema_extra={"format": "email", "maxLength": MAX_EMAIL})]
    username: Username
    password: NewPassword
    full_name: Line | None = None
    setup_code: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Only for the first account of a production server."
    )


class SignIn(Body):
    """By email address or by username; one of the two."""

    email: Identifier | None = None
    username: Identifier | None = None
    password: Password

    @model_validator(mode="after")
    def _one_of_two(self) -> SignIn:
        if (self.email is None) == (self.username is None):
            raise PydanticCustomError("one_of_two", "Send email or username, one of the two")
        return self

    @property
    def identifier(self) -> str:
        return self.email if self.email is not None else self.username or ""


class Refresh(Body):
    refresh_token: Annotated[str, Field(max_length=4096)]


class Resumption(Body):
    handle: Annotated[str, Field(max_length=200)]


class TokensAnswer(Shape):
    """What a sign-in gives; `handle` only to the page."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds that the access token lives.")
    user: UserAnswer
    handle: str | None = None


class SessionAnswer(Shape):
    id: UUID
    user_agent: str | None
    created_at: dt.datetime
    last_used_at: dt.datetime
    current: bool


class SessionsAnswer(Shape):
    items: list[SessionAnswer]
