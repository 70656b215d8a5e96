"""Which Slack user acts as which account, and the one-time codes that link them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "slack_links",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.String(length=50), nullable=True),
        sa.Column("slack_user_id", sa.String(length=50), nullable=True),
        sa.Column("linked_at", MOMENT, nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("code_expires_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_slack_links_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_slack_links"),
    )
    op.create_index("uq_slack_links_team_id_slack_user_id", "slack_links", ["team_id", "slack_user_id"], unique=True)
    op.create_index("uq_slack_links_code_hash", "slack_links", ["code_hash"], unique=True)
