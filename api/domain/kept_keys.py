"""Idempotency-Keys of what begins no reply and yet is done once: a plan's edit, a chat that a command makes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from uuid import UUID

KEY_LIFE: Final = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeptKey:
    """`request_hash` is of all that the request said, `made_id` of what it made."""

    user_id: UUID
    idempotency_key: str
    request_hash: str
    made_id: UUID
    made_at: dt.datetime
