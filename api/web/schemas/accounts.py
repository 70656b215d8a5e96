"""Accounts as JSON: the own profile, the public one, and what may be changed."""

from __future__ import annotations

import datetime as dt
import functools
import re
import zoneinfo
from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, WrapValidator
from pydantic_core import PydanticCustomError

from api.domain.account_rules import MAX_PASSWORD, MIN_PASSWORD, USERNAME_PATTERN
from api.domain.chats import CONTROL, ONE_LINE
from api.web.openapi import Body
from api.web.shapes import Shape

ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
FIRST_BIRTHDAY = dt.date(1900, 1, 1)


def _printable(text: str) -> str:
    if CONTROL.search(text):
        raise PydanticCustomError("control_character", ONE_LINE.capitalize())
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul_character", "Must not contain the character NUL")
    return text


def _birthday(value: Any, parse: Callable[[Any], dt.date]) -> dt.date:
    if not isinstance(value, str) or not ISO_DATE.fullmatch(value):  # pydantic takes "0" for a date
        raise PydanticCustomError("date_parsing", "Must be a date like 1990-12-31")
    day = parse(value)
    if not FIRST_BIRTHDAY <= day <= dt.date.today() + dt.timedelta(days=1):
        raise PydanticCustomError("date_out_of_range", "Must lie between 1900 and today")
    return day


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise PydanticCustomError("time_zone", "Must be the name of a time zone, like Europe/Oslo")
    return name


@functools.cache
def _time_zones() -> set[str]:
    """Names that mean the same on every machine; `localtime` is the clock of whichever server answers."""
    return zoneinfo.available_timezones() - {"localtime"}


Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_printable)]
Storable = AfterValidator(_without_nul)  # PostgreSQL takes every other character
Prose = Annotated[str, StringConstraints(max_length=5000), Storable]
AvatarAddress = Annotated[
    str, StringConstraints(max_length=500, pattern=r"^(https?://[!-~]+|/users/[0-9a-f-]{36}/avatar)$")
]
Birthday = Annotated[dt.date, Field(strict=False), WrapValidator(_birthday)]

# The rules are those of domain/account_rules, which words the refusal; here they are only documented.
Username = Annotated[str, Field(max_length=500, json_schema_extra={"pattern": USERNAME_PATTERN})]
NewPassword = Annotated[
    str, Field(max_length=1000, json_schema_extra={"minLength": MIN_PASSWORD, "maxLength": MAX_PASSWORD})
]
Password = Annotated[str, Field(max_length=1000)]


class Preferences(Body):
    """How a person likes it; null removes one."""

    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)] | None = Field(
        None, description="Of the IANA database; days and months of usage follow it. UTC where none is given."
    )
    default_model: (
        Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)] | None
    ) = Field(None, description="`provider/model` or the name of a model config.")
    titles: Literal["words", "model"] | None = Field(
        None, description="Whether a chat is titled by its first words or by the model."
    )
    theme: Literal["system", "light", "dark"] | None = None
    language: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] | None
    ) = None


class UserAnswer(Shape):
    """One's own account."""

    id: UUID
    email: str
    username: str
    full_name: str | None
    bio: str | None
    date_of_birth: dt.date | None
    profession: str | None
    avatar_url: str | None
    role: Literal["member", "admin"]
    preferences: dict[str, Any]
    created_at: dt.datetime
    updated_at: dt.datetime


class PublicProfile(Shape):
    """What everybody with an account may see of another."""

    id: UUID
    username: str
    full_name: str | None
    bio: str | None
    avatar_url: str | None


def _as_username(schema: dict[str, Any]) -> None:
    """What is left out is not changed: the default that says so is nothing that may be sent."""
    schema["pattern"] = USERNAME_PATTERN
    del schema["default"]


class ProfileChanges(Body):
    """Only what is sent is changed; null empties a field."""

    full_name: Line | None = None
    username: str = Field("", max_length=500, json_schema_extra=_as_username)
    bio: Prose | None = None
    date_of_birth: Birthday | None = None
    profession: Line | None = None
    avatar_url: AvatarAddress | None = Field(
        None,
        description="An address elsewhere is kept as data, and takes the place of an uploaded avatar. An uploaded"
        " avatar's own path may be sent back as it came.",
    )
    preferences: Preferences | None = Field(None, description="Merged with what is there.")


class PasswordChange(Body):
    current_password: Password
    new_password: NewPassword


class AccountDeletion(Body):
    password: Password
