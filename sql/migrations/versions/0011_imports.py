"""What came from elsewhere, and the runs that brought it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

MOMENT = sa.DateTime(timezone=True)
ZERO = sa.text("0")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("imported_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_imports_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "source", "source_id", name="pk_imports"),
    )
    counts = ("added", "extended", "unchanged", "failed")
    op.create_table(
        "import_runs",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), server_default=ZERO, nullable=False),
        *(sa.Column(name, sa.Integer(), server_default=ZERO, nullable=False) for name in counts),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("state IN ('running', 'complete', 'failed', 'interrupted')", name="ck_import_runs_state"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_import_runs_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_import_runs"),
    )
    op.create_index("ix_import_runs_user_id_updated_at", "import_runs", ["user_id", "updated_at"], unique=False)
    op.create_table(
        "import_results",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.Column("source_id", sa.String(length=200), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("chat_id", sa.Uuid(), nullable=True),
        sa.Column("messages", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IN ('added', 'extended', 'unchanged', 'failed')", name="ck_import_results_outcome"),
        sa.ForeignKeyConstraint(
            ["user_id", "run_id"],
            ["import_runs.user_id", "import_runs.id"],
            name="fk_import_results_user_id_run_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "run_id", "position", name="pk_import_results"),
    )
