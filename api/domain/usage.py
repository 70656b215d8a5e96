"""How calls are counted for the usage pages: sums, and the waits for the first token in logarithmic buckets."""

from __future__ import annotations

import bisect
import calendar
import datetime as dt
import itertools
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

    @property
    def month(self) -> dt.date:
        return self.day.replace(day=1)


Days = tuple[dt.date, dt.date]  # the first and the last


@dataclass(frozen=True, slots=True)
class InMonths:
    """A period as months (told by their first days) `since` to `until` without `untaken`, the days that are then
    missing, and those that are too many."""

    since: dt.date
    until: dt.date
    untaken: list[dt.date]
    missing: list[Days]
    surplus: list[Days]


def in_months(since: dt.date, until: dt.date) -> InMonths:
    """So that few sums of single days are read: a month of which most days are wanted is taken whole."""
    found = InMonths(since.replace(day=1), until.replace(day=1), [], [], [])
    for month in sorted({found.since, found.until}):  # those between are whole
        last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
        begin, end = max(month, since), min(last, until)
        if (end.day - begin.day + 1) * 2 < last.day:
            found.untaken.append(month)
            found.missing.append((begin, end))
            continue
        if begin > month:
            found.surplus.append((month, begin.replace(day=begin.day - 1)))
        if end < last:
            found.surplus.append((end.replace(day=end.day + 1), last))
    return found


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
    inside = sorted(bucket for bucket, calls in buckets.items() if calls)
    if not inside:
        return None
    seen = list(itertools.accumulate(map(buckets.__getitem__, inside)))
    bucket = inside[bisect.bisect_left(seen, math.ceil(seen[-1] * share))]
    return round(2 ** ((bucket - 0.5) / BUCKETS_A_DOUBLING)) if bucket else 1


def _ms(since: dt.datetime | None, until: dt.datetime | None) -> int | None:
    if since is None or until is None:
        return None
    return max(0, round((until - since).total_seconds() * 1000))
