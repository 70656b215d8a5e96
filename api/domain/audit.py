"""Who did something to the instance or to somebody's account, for the audit log. Never a secret, never a text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from api.domain import clock
from api.domain.ids import new_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where. `user_id` is None for the command line and for those who are not signed in."""

    user_id: UUID | None
    username: str
    address: str | None = None
    request_id: str | None = None

    def did(self, action: str, target: object = None, **detail: Any) -> Entry:
        """`action` is `noun.verb`; `target` the id or name of what it was done to."""
        return Entry(self, action, None if target is None else str(target)[:200], detail, at=clock.now())


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    actor: Actor
    action: str
    target: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)
    at: dt.datetime = field(default_factory=clock.now)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries: of one actor, of one action or all of a noun (`user.`), of one target, before one entry."""

    user_id: UUID | None = None
    action: str | None = None
    target: str | None = None
    before: UUID | None = None
    limit: int = 50


COMMAND_LINE = Actor(None, "(command line)")
