"""Prices of models that administrators set above all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

RATES = ("output", "cached", "cache_write", "reasoning")


def upgrade() -> None:
    op.create_table(
        "model_prices",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("input", sa.Numeric(precision=20, scale=10), nullable=False),
        *(sa.Column(name, sa.Numeric(precision=20, scale=10), nullable=True) for name in RATES),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "model", name="pk_model_prices"),
    )
