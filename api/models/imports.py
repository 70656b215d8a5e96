"""What came from elsewhere, so that importing twice adds nothing; and the runs that brought it, with their results."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text, Uuid, text

from api.models.base import METADATA, column, one_of, optional, stamp

IMPORTS = Table(
    "imports",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("source", String(20), primary_key=True),
    column("source_id", String(200), primary_key=True),
    column("content_hash", String(64)),
    column("object_id", Uuid),
    stamp("imported_at"),
)
"""A conversation or prompt of a source. `object_id` has no foreign key: what was deleted here is remembered."""

IMPORT_RUNS = Table(
    "import_runs",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    column("state", String(12)),
    column("size", BigInteger),
    column("done", BigInteger, server_default=text("0")),
    column("added", Integer, server_default=text("0")),
    column("extended", Integer, server_default=text("0")),
    column("unchanged", Integer, server_default=text("0")),
    column("failed", Integer, server_default=text("0")),
    optional("detail", Text),
    stamp("created_at"),
    stamp("updated_at"),
    one_of("state", ("running", "complete", "failed", "interrupted")),
    Index("ix_import_runs_user_id_updated_at", "user_id", "updated_at"),
)
"""One file. `size` and `done` are in bytes; a run that says `running` and has not moved for a while is dead."""

IMPORT_RESULTS = Table(
    "import_results",
    METADATA,
    column("user_id", Uuid, primary_key=True),
    column("run_id", Uuid, primary_key=True),
    column("position", Integer, primary_key=True),
    column("outcome", String(12)),
    optional("source", String(20)),
    optional("source_id", String(200)),
    column("title", String(200)),
    optional("chat_id", Uuid),
    column("messages", Integer, server_default=text("0")),
    optional("detail", Text),
    one_of("outcome", ("added", "extended", "unchanged", "failed")),
    ForeignKeyConstraint(("user_id", "run_id"), ("import_runs.user_id", "import_runs.id"), ondelete="CASCADE"),
)
"""What became of one conversation of a file."""
