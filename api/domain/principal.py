"""Who is asking: made once a request by `web/auth`, passed on as a plain value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from api.domain import clock

Scope = Literal["read", "chat", "admin"]
ALL_SCOPES: frozenset[Scope] = frozenset(("read", "chat", "admin"))

# what a key of each scope may do besides: `chat` reads too, `admin` does all that the account may
IMPLIED: dict[Scope, frozenset[Scope]] = {
    "read": frozenset(("read",)),
    "chat": frozenset(("read", "chat")),
    "admin": ALL_SCOPES,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """An account as it acts now: by a session (access token, all scopes) or by an API key (the key's scopes)."""

    user_id: UUID
    username: str
    role: Literal["member", "admin"]
    scopes: frozenset[Scope]
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    default_model: str | None = None
    time_zone: str | None = None
    titles: str | None = None  # "model": chats are titled by one
    limits: Mapping[str, int] = field(default_factory=dict, hash=False)  # an admin's, above the instance's
    active_prompt_id: UUID | None = None

    def today(self) -> dt.date:
        """The day by this account's clock, under which its calls are counted; UTC where no zone is given."""
        return clock.today(self.time_zone)

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


NOBODY = Principal(UUID(int=0), "(nobody)", "member", frozenset())
"""Whoever asks without a credential, where that is allowed."""
