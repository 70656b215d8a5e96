"""What was used, added up by account and day: what GET /usage reads, equal to the sums over the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, Uuid, text

from api.models.base import METADATA, Money, column

ZERO = text("0")


def _sums() -> list[Column[Any]]:
    """What is added up."""
    return [
        column("calls", BigInteger, server_default=ZERO),
        column("errors", BigInteger, server_default=ZERO),
        column("estimated", BigInteger, server_default=ZERO),
        column("unpriced", BigInteger, server_default=ZERO),  # calls with tokens of unknown price
        column("prompt_tokens", BigInteger, server_default=ZERO),
        column("completion_tokens", BigInteger, server_default=ZERO),
        column("reasoning_tokens", BigInteger, server_default=ZERO),
        column("cached_tokens", BigInteger, server_default=ZERO),
        column("cost", Money, server_default=ZERO),
        column("timed_tokens", BigInteger, server_default=ZERO),  # of calls whose writing took a time
        column("timed_ms", BigInteger, server_default=ZERO),
    ]


USAGE_DAYS = Table(
    "usage_days",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("day", Date, primary_key=True),
    column("provider", String(40), primary_key=True),
    column("model", String(200), primary_key=True),
    column("surface", String(20), primary_key=True),
    column("api_key_id", Uuid, primary_key=True),
    *_sums(),
    Index("ix_usage_days_day", "day"),
)
"""`day` is that of the ledger's row; `api_key_id` is all zeros where a session asked."""

USAGE_WAITS = Table(
    "usage_waits",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("day", Date, primary_key=True),
    column("provider", String(40), primary_key=True),
    column("model", String(200), primary_key=True),
    column("surface", String(20), primary_key=True),
    column("api_key_id", Uuid, primary_key=True),
    column("bucket", Integer, primary_key=True),
    column("calls", BigInteger, server_default=ZERO),
    Index("ix_usage_waits_day", "day"),
)
"""How many calls of a model waited so long for their first token: `bucket` as in domain/usage.py."""

USAGE_USERS = Table(
    "usage_users",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("day", Date, primary_key=True),
    *_sums(),
    Index("ix_usage_users_day", "day"),
)
"""The same of an account and day alone, for the list of all accounts."""

USAGE_MONTHS = Table(
    "usage_months",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("month", Date, primary_key=True),
    *_sums(),
    Index("ix_usage_months_month", "month"),
)
"""The same of an account and month, told by its first day: a year of all accounts is few rows."""

USAGE_TOTALS = Table(
    "usage_totals",
    METADATA,
    column("day", Date, primary_key=True),
    column("provider", String(40), primary_key=True),
    column("model", String(200), primary_key=True),
    column("surface", String(20), primary_key=True),
    *_sums(),
)
"""The same of all accounts together: few rows, however many people there are."""

USAGE_TOTAL_WAITS = Table(
    "usage_total_waits",
    METADATA,
    column("day", Date, primary_key=True),
    column("provider", String(40), primary_key=True),
    column("model", String(200), primary_key=True),
    column("surface", String(20), primary_key=True),
    column("bucket", Integer, primary_key=True),
    column("calls", BigInteger, server_default=ZERO),
)
"""All accounts' waits, by model."""

USAGE_DAY_WAITS = Table(
    "usage_day_waits",
    METADATA,
    column("day", Date, primary_key=True),
    column("bucket", Integer, primary_key=True),
    column("calls", BigInteger, server_default=ZERO),
)
"""All accounts' waits of a day, whatever the model."""
