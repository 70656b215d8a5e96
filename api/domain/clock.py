"""The clock, aware and in UTC: the one thing tests replace."""

from __future__ import annotations

import datetime as dt
import zoneinfo


def now() -> dt.datetime:
    """The present moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def zone(name: str | None) -> dt.tzinfo:
    """The time zone of that name; UTC for none, and for one that this machine does not know."""
    try:
        return zoneinfo.ZoneInfo(name) if name else dt.UTC
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return dt.UTC


def today(zone_name: str | None) -> dt.date:
    """The present day in that time zone."""
    return now().astimezone(zone(zone_name)).date()
