"""The day under which a call is counted, tokens written to a cache, and the sums of usage by account and day."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

PLACE = ("user_id", "day", "provider", "model", "surface", "api_key_id")
NO_KEY = UUID(int=0)
TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
SUMS = ("calls", "errors", "estimated", "unpriced", *TOKENS, "timed_tokens", "timed_ms")
MOMENTS = ("queued_at", "first_token_at", "finished_at")
LEDGER = sa.table(
    "generations",
    *(sa.column(name, sa.Uuid()) for name in ("user_id", "api_key_id")),
    *(sa.column(name, sa.DateTime(timezone=True)) for name in MOMENTS),
    *(sa.column(name, sa.Integer()) for name in TOKENS),
    *(sa.column(name, sa.String()) for name in ("provider", "model", "surface", "status")),
    sa.column("day", sa.Date()),
    sa.column("estimated", sa.Boolean()),
)


def upgrade() -> None:
    op.add_column("generations", sa.Column("cache_write_tokens", sa.Integer(), nullable=True))
    op.add_column("generations", sa.Column("day", sa.Date(), nullable=True))

    op.create_table(
        "usage_days",
        *_place(),
        *(_sum(name) for name in ("calls", "errors", "estimated", "unpriced", "prompt_tokens", "completion_tokens")),
        *(_sum(name) for name in ("reasoning_tokens", "cached_tokens")),
        sa.Column("cost", sa.Numeric(precision=20, scale=10), server_default=sa.text("0"), nullable=False),
        *(_sum(name) for name in ("timed_tokens", "timed_ms")),
        sa.PrimaryKeyConstraint(*PLACE, name="pk_usage_days"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_usage_days_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_usage_days_day", "usage_days", ["day"], unique=False)
    op.create_table(
        "usage_waits",
        *_place(),
        sa.Column("bucket", sa.Integer(), nullable=False),
        _sum("calls"),
        sa.PrimaryKeyConstraint(*PLACE, "bucket", name="pk_usage_waits"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_usage_waits_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_usage_waits_day", "usage_waits", ["day"], unique=False)
    if not op.get_context().as_sql:  # a script of statements is for an empty database
        _fill()


def _place() -> list[sa.Column[object]]:
    return [
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("surface", sa.String(length=20), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
    ]


def _sum(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _fill() -> None:
    """Count what has ended, as domain/usage.py does; no cost had been kept yet."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("UPDATE generations SET day = CAST(queued_at AT TIME ZONE 'UTC' AS DATE)")
    else:
        op.execute("UPDATE generations SET day = date(queued_at)")
    connection = op.get_bind()
    sums: dict[tuple[object, ...], list[int]] = {}
    waits: Counter[tuple[object, ...]] = Counter()
    for row in connection.execute(sa.select(LEDGER).where(LEDGER.c.status.not_in(("queued", "running")))):
        place = (row.user_id, row.day, row.provider, row.model, row.surface, row.api_key_id or NO_KEY)
        timed = _ms(row.first_token_at, row.finished_at) if row.completion_tokens else 0
        tokens = [row.prompt_tokens or 0, row.completion_tokens or 0, row.reasoning_tokens or 0, row.cached_tokens or 0]
        adds = [1, row.status == "error", row.estimated, row.completion_tokens is not None, *tokens]
        adds += [row.completion_tokens if timed else 0, timed]
        sums[place] = [old + new for old, new in zip(sums.get(place, [0] * len(adds)), adds, strict=True)]
        if row.first_token_at is not None:
            waits[*place, math.ceil(math.log2(max(1, _ms(row.queued_at, row.first_token_at))) * 8)] += 1
    if sums:
        days = [dict(zip((*PLACE, *SUMS), (*place, *values), strict=True)) for place, values in sums.items()]
        connection.execute(sa.insert(_table("usage_days", SUMS)), days)
    if waits:
        rows = [dict(zip((*PLACE, "bucket", "calls"), (*key, calls), strict=True)) for key, calls in waits.items()]
        connection.execute(sa.insert(_table("usage_waits", ("bucket", "calls"))), rows)


def _table(name: str, counts: tuple[str, ...]) -> sa.TableClause:
    types = {"user_id": sa.Uuid(), "api_key_id": sa.Uuid(), "day": sa.Date()}
    return sa.table(name, *(sa.column(one, types.get(one)) for one in (*PLACE, *counts)))


def _ms(since: dt.datetime | None, until: dt.datetime | None) -> int:
    return max(0, round((until - since).total_seconds() * 1000)) if since and until else 0
