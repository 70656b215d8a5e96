"""The origin that a provider key was saved for. Keys of before get theirs when the server starts: it knows the operator's
addresses. The demo has no address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("model_configs", sa.Column("key_origin", sa.Text(), nullable=True))
    if not op.get_context().as_sql:  # a script of statements is for an empty database
        op.execute("UPDATE model_configs SET base_url = NULL WHERE provider = 'demo'")
