"""What came from elsewhere, so that importing twice adds nothing; and the runs that brought it, with their results."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now, one_of


class Import(Base):
    """A conversation or prompt of a source. `object_id` has no foreign key: what was deleted here is remembered."""

    __tablename__ = "imports"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(String(20), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    object_id: Mapped[UUID]
    imported_at: Mapped[dt.datetime] = default_now()


class ImportRun(Base):
    """One file. `size` and `done` are in bytes; a run that says `running` and has not moved for a while is dead."""

    __tablename__ = "import_runs"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    size: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    added: Mapped[int] = mapped_column(server_default=text("0"))
    extended: Mapped[int] = mapped_column(server_default=text("0"))
    unchanged: Mapped[int] = mapped_column(server_default=text("0"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = default_now()
    updated_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        one_of("state", ("running", "complete", "failed", "interrupted")),
        Index("ix_import_runs_user_id_updated_at", "user_id", "updated_at"),
    )


class ImportResult(Base):
    """What became of one conversation of a file."""

    __tablename__ = "import_results"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12))
    source: Mapped[str | None] = mapped_column(String(20))
    source_id: Mapped[str | None] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    chat_id: Mapped[UUID | None]
    messages: Mapped[int] = mapped_column(server_default=text("0"))
    detail: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        one_of("outcome", ("added", "extended", "unchanged", "failed")),
        ForeignKeyConstraint(("user_id", "run_id"), ("import_runs.user_id", "import_runs.id"), ondelete="CASCADE"),
    )
