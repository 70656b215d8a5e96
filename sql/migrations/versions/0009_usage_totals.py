"""Sums of usage over all accounts, and of each account alone, so that administrators' questions read few rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

COUNTS = ("calls", "errors", "estimated", "unpriced", "prompt_tokens", "completion_tokens", "reasoning_tokens")
SUMS = (*COUNTS, "cached_tokens", "cost", "timed_tokens", "timed_ms")
PLACE = ("day", "provider", "model", "surface")


def upgrade() -> None:
    op.create_table(
        "usage_users",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *map(_sum, SUMS),
        sa.PrimaryKeyConstraint("user_id", "day", name="pk_usage_users"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_usage_users_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_usage_users_day", "usage_users", ["day"], unique=False)
    op.create_table(
        "usage_totals", *_place(), *map(_sum, SUMS), sa.PrimaryKeyConstraint(*PLACE, name="pk_usage_totals")
    )
    op.create_table(
        "usage_total_waits",
        *_place(),
        sa.Column("bucket", sa.Integer(), nullable=False),
        _sum("calls"),
        sa.PrimaryKeyConstraint(*PLACE, "bucket", name="pk_usage_total_waits"),
    )
    if not op.get_context().as_sql:  # a script of statements is for an empty database
        _fill("usage_users", ("user_id", "day"), "usage_days", SUMS)
        _fill("usage_totals", PLACE, "usage_days", SUMS)
        _fill("usage_total_waits", (*PLACE, "bucket"), "usage_waits", ("calls",))


def _place() -> list[sa.Column[object]]:
    return [
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("surface", sa.String(length=20), nullable=False),
    ]


def _sum(name: str) -> sa.Column[object]:
    kind = sa.Numeric(precision=20, scale=10) if name == "cost" else sa.BigInteger()
    return sa.Column(name, kind, server_default=sa.text("0"), nullable=False)


def _fill(table: str, keys: tuple[str, ...], source: str, sums: tuple[str, ...]) -> None:
    rows = sa.table(source, *(sa.column(name) for name in (*keys, *sums)))
    added = (sa.func.sum(rows.c[name]) for name in sums)
    query = sa.select(*(rows.c[name] for name in keys), *added).group_by(*(rows.c[name] for name in keys))
    target = sa.table(table, *(sa.column(name) for name in (*keys, *sums)))
    op.execute(sa.insert(target).from_select([*keys, *sums], query))
