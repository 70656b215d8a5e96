"""Sums of usage of each account and month, and all waits of each day, so that a year of all accounts reads few rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

COUNTS = ("calls", "errors", "estimated", "unpriced", "prompt_tokens", "completion_tokens", "reasoning_tokens")
SUMS = (*COUNTS, "cached_tokens", "cost", "timed_tokens", "timed_ms")


def upgrade() -> None:
    op.create_table(
        "usage_months",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        *map(_sum, SUMS),
        sa.PrimaryKeyConstraint("user_id", "month", name="pk_usage_months"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_usage_months_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_usage_months_month", "usage_months", ["month"], unique=False)
    op.create_table(
        "usage_day_waits",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        _sum("calls"),
        sa.PrimaryKeyConstraint("day", "bucket", name="pk_usage_day_waits"),
    )
    if not op.get_context().as_sql:  # a script of statements is for an empty database
        sqlite = op.get_context().dialect.name == "sqlite"
        month = "date(day, 'start of month')" if sqlite else "date_trunc('month', day)::date"
        sums = ", ".join(f"sum({name})" for name in SUMS)
        rows = f"SELECT user_id, {month}, {sums} FROM usage_users GROUP BY user_id, {month}"  # noqa: S608
        op.execute(f"INSERT INTO usage_months (user_id, month, {', '.join(SUMS)}) {rows}")
        waits = "SELECT day, bucket, sum(calls) FROM usage_total_waits GROUP BY day, bucket"
        op.execute(f"INSERT INTO usage_day_waits (day, bucket, calls) {waits}")


def _sum(name: str) -> sa.Column[object]:
    kind = sa.Numeric(precision=20, scale=10) if name == "cost" else sa.BigInteger()
    return sa.Column(name, kind, server_default=sa.text("0"), nullable=False)
