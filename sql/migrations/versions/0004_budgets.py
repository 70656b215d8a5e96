"""Budgets, their counters, and what is put aside for calls that run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)
ZERO = sa.text("0")


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("unit", sa.String(length=6), nullable=False),
        sa.Column("period", sa.String(length=5), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("scope IN ('instance', 'everyone', 'user')", name="ck_budgets_scope"),
        sa.CheckConstraint("unit IN ('tokens', 'cost')", name="ck_budgets_unit"),
        sa.CheckConstraint("period IN ('day', 'month')", name="ck_budgets_period"),
        sa.PrimaryKeyConstraint("id", name="pk_budgets"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_budgets_user_id", ondelete="CASCADE"),
    )
    op.create_index("uq_budgets_name", "budgets", ["name"], unique=True)
    op.create_index("ix_budgets_user_id", "budgets", ["user_id"], unique=False)
    op.create_table(
        "budget_counters",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("used", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=ZERO, nullable=False),
        sa.PrimaryKeyConstraint("subject", "budget_id", "starts", name="pk_budget_counters"),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name="fk_budget_counters_budget_id", ondelete="CASCADE"),
    )
    op.create_index("ix_budget_counters_budget_id", "budget_counters", ["budget_id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("generation_id", "budget_id", name="pk_reservations"),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name="fk_reservations_budget_id", ondelete="CASCADE"),
    )
    op.create_index("ix_reservations_expires_at", "reservations", ["expires_at"], unique=False)
    op.create_index("ix_reservations_budget_id", "reservations", ["budget_id"], unique=False)
