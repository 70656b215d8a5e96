"""Avatars that people upload. What `users.avatar_url` says already stays as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "avatars",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(("user_id",), ("users.id",), name="fk_avatars_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_avatars"),
    )
    op.create_index("ix_avatars_digest", "avatars", ["digest"])
