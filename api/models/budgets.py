"""Budgets, how much of them is used, and what is put aside for calls that run."""

from __future__ import annotations

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Table, Uuid, text

from api.models.base import METADATA, UtcDateTime, column, one_of, optional, stamp

ZERO = text("0")

BUDGETS = Table(
    "budgets",
    METADATA,
    column("id", Uuid, primary_key=True),
    column("name", String(80)),
    column("scope", String(10)),
    optional("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE")),
    column("unit", String(6)),
    column("period", String(5)),
    column("amount", BigInteger),
    stamp("created_at"),
    stamp("updated_at"),
    one_of("scope", ("instance", "everyone", "user")),
    one_of("unit", ("tokens", "cost")),
    one_of("period", ("day", "month")),
    Index("uq_budgets_name", "name", unique=True),
    Index("ix_budgets_user_id", "user_id"),
)
"""`amount` is tokens or units of money. `name` says scope, account, unit and period, so that each is there once."""

BUDGET_COUNTERS = Table(
    "budget_counters",
    METADATA,
    column("subject", Uuid, primary_key=True),
    column("budget_id", Uuid, ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True),
    column("starts", Date, primary_key=True),
    column("used", BigInteger, server_default=ZERO),
    column("reserved", BigInteger, server_default=ZERO),
    Index("ix_budget_counters_budget_id", "budget_id"),
)
"""One row a budget, subject (an account, or all zeros for the instance) and period."""

RESERVATIONS = Table(
    "reservations",
    METADATA,
    column("generation_id", Uuid, primary_key=True),
    column("budget_id", Uuid, ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True),
    column("subject", Uuid),
    column("starts", Date),
    column("amount", BigInteger),
    column("expires_at", UtcDateTime),
    Index("ix_reservations_expires_at", "expires_at"),
    Index("ix_reservations_budget_id", "budget_id"),
)
"""What a running call may cost at most; taken back at its end, or when it expires."""
