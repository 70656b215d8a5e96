"""Plan mode: which model plans in a chat, and which one answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("chats", sa.Column("plan", json, nullable=True))


def downgrade() -> None:
    op.drop_column("chats", "plan")
