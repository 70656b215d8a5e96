"""An account, its sign-ins and its API keys, as plain values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from api.domain import clock
from api.domain.principal import Scope

AccountRole = Literal["member", "admin"]


@dataclass(frozen=True, slots=True)
class User:
    """One account. The hash stays out of every repr and every answer."""

    id: UUID
    email: str
    username: str
    password_hash: str = field(repr=False)
    full_name: str | None = None
    bio: str | None = None
    date_of_birth: dt.date | None = None
    profession: str | None = None
    avatar_url: str | None = None
    role: AccountRole = "member"
    is_active: bool = True
    preferences: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    created_at: dt.datetime = field(default_factory=clock.now)
    updated_at: dt.datetime = field(default_factory=clock.now)


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in. `refresh_jti` names the refresh token that counts, `previous_jti` the one before it."""

    id: UUID
    user_id: UUID
    refresh_jti: str = field(repr=False)
    previous_jti: str | None = field(repr=False)
    rotated_at: dt.datetime | None
    user_agent: str | None
    created_at: dt.datetime
    last_used_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be told of a key after the moment in which it was made."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    last4: str
    scopes: tuple[Scope, ...]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """Which accounts, for admins: with this part in a name, of a role, active or not, made before one of them."""

    search: str = ""
    role: str | None = None
    is_active: bool | None = None
    before: UUID | None = None
    limit: int = 50
