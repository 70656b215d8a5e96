"""Files of messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("mime", sa.String(length=100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text_digest", sa.String(length=64), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("text_size", "chars", "width", "height")),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("kind IN ('text', 'pdf', 'docx', 'image')", name="ck_attachments_kind"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_attachments_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id", "message_id"],
            ["messages.user_id", "messages.id"],
            name="fk_attachments_user_id_message_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_attachments"),
    )
    op.create_index("ix_attachments_user_id_message_id", "attachments", ["user_id", "message_id"])
    op.create_index("ix_attachments_digest", "attachments", ["digest"])
    op.create_index("ix_attachments_text_digest", "attachments", ["text_digest"])
    unsent = sa.text("message_id IS NULL")
    op.create_index(
        "ix_attachments_created_at", "attachments", ["created_at"], sqlite_where=unsent, postgresql_where=unsent
    )
