"""When a budget's day or month is over, whatever clocks do meanwhile."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.budgets import Budget, resets_at
from api.domain.ids import new_id

SMALLEST = dt.timedelta(microseconds=1)
ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})


def budget(period: Literal["day", "month"]) -> Budget:
    return Budget(new_id(), "everyone", None, "tokens", period, 1000)


@pytest.mark.parametrize(
    ("zone", "day", "begins_again"),
    [
        ("Europe/Oslo", dt.date(2026, 3, 29), "2026-03-29T22:00"),  # 23 hours long
        ("Europe/Oslo", dt.date(2026, 10, 25), "2026-10-25T23:00"),  # 25
        ("Africa/Cairo", dt.date(2026, 4, 23), "2026-04-23T22:00"),  # the next begins at one o'clock
        ("America/Havana", dt.date(2026, 10, 31), "2026-11-01T04:00"),  # the next has two midnights
        (None, dt.date(2026, 12, 31), "2027-01-01T00:00"),
    ],
)
def test_days_on_which_clocks_change(zone: str | None, day: dt.date, begins_again: str) -> None:
    assert resets_at(budget("day"), day, zone) == dt.datetime.fromisoformat(begins_again).replace(tzinfo=dt.UTC)


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(dt.date(2024, 1, 1), dt.date(2036, 12, 31)),
    period=st.sampled_from(("day", "month")),
)
def test_a_period_is_over_at_its_last_moment_and_no_earlier(
    zone: str, day: dt.date, period: Literal["day", "month"]
) -> None:
    one, there = budget(period), zoneinfo.ZoneInfo(zone)
    over = resets_at(one, day, zone)
    assert over.astimezone(there).date() == one.ends(day)
    assert one.starts(day) <= (over - SMALLEST).astimezone(there).date() < one.ends(day)
