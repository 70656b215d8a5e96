"""The library of prompts with its versions, and the prompt of a chat."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _text() -> list[sa.Column[object]]:
    return [
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("tags", JSON, server_default=sa.text("'[]'"), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "prompts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("slug", sa.String(length=100), nullable=False),
        *_text(),
        sa.Column("shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_prompts_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_prompts"),
    )
    op.create_index("uq_prompts_user_id_slug", "prompts", ["user_id", "slug"], unique=True)
    where = sa.text("shared")
    op.create_index("ix_prompts_shared", "prompts", ["shared"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "prompt_versions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("prompt_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        *_text(),
        sa.Column("created_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "prompt_id"],
            ["prompts.user_id", "prompts.id"],
            name="fk_prompt_versions_user_id_prompt_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "prompt_id", "number", name="pk_prompt_versions"),
    )
    op.add_column("chats", sa.Column("prompt_id", sa.Uuid(), nullable=True))
