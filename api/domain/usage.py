"""How calls are counted for the usage pages: sums, and the waits for the first token in logarithmic buckets."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from api.domain.generations import Counted

NO_KEY: Final = UUID(int=0)
BUCKETS_A_DOUBLING: Final = 8
"""A wait that is told from its bucket is off by at most a 22nd."""
SUMS: Final = (
    "calls",
    "errors",
    "estimated",
    "unpriced",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "cost",
    "timed_tokens",
    "timed_ms",
)


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """What a call is counted under."""

    user_id: UUID
    day: dt.date
    provider: str
    model: str
    surface: str
    api_key_id: UUID


def where(call: Counted) -> Where:
    return Where(call.closing.user_id, call.day, call.provider, call.model, call.surface, call.api_key_id or NO_KEY)


def sums(call: Counted) -> dict[str, int | Decimal]:
    """What the call adds to the sums of its day."""
    end = call.closing
    timed = _ms(end.first_token_at, end.finished_at) if end.completion_tokens else None
    return {
        "calls": 1,
        "errors": int(end.status == "error"),
        "estimated": int(end.estimated),
        "unpriced": int(end.cost is None and end.completion_tokens is not None),
        "prompt_tokens": end.prompt_tokens or 0,
        "completion_tokens": end.completion_tokens or 0,
        "reasoning_tokens": end.reasoning_tokens or 0,
        "cached_tokens": end.cached_tokens or 0,
        "cost": end.cost or Decimal(0),
        "timed_tokens": (end.completion_tokens or 0) if timed else 0,
        "timed_ms": timed or 0,
    }


def wait_bucket(call: Counted) -> int | None:
    """The bucket of the wait for the first token; None where none came."""
    waited = _ms(call.queued_at, call.closing.first_token_at)
    return None if waited is None else bucket_of(waited)


def bucket_of(milliseconds: int) -> int:
    return math.ceil(math.log2(max(1, milliseconds)) * BUCKETS_A_DOUBLING)


def percentile(buckets: Mapping[int, int], share: float) -> int | None:
    """The wait, in milliseconds, that `share` of the calls did not exceed; None without calls."""
    rank, seen = math.ceil(sum(buckets.values()) * share), 0
    for bucket, calls in sorted(buckets.items()):
        seen += calls
        if seen >= rank > 0:
            return round(2 ** ((bucket - 0.5) / BUCKETS_A_DOUBLING)) if bucket else 1
    return None


def _ms(since: dt.datetime | None, until: dt.datetime | None) -> int | None:
    if since is None or until is None:
        return None
    return max(0, round((until - since).total_seconds() * 1000))
