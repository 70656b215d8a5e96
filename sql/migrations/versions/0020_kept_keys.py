"""Idempotency-Keys of what begins no reply: a plan's edit, a chat that a command makes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "kept_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("made_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(("user_id",), ("users.id",), name="fk_kept_keys_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "idempotency_key", name="pk_kept_keys"),
    )
