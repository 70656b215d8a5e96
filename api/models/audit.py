"""The audit log: it outlives the accounts that it tells of, so nothing in it is a foreign key."""

from __future__ import annotations

from sqlalchemy import Index, String, Table, Uuid, text

from api.models.base import METADATA, Json, column, optional, stamp

AUDIT_LOG = Table(
    "audit_log",
    METADATA,
    column("id", Uuid, primary_key=True),
    stamp("at"),
    optional("actor_id", Uuid),
    column("username", String(50)),
    column("action", String(60)),
    optional("target", String(200)),
    column("detail", Json, server_default=text("'{}'")),
    optional("address", String(60)),
    optional("request_id", String(64)),
    Index("ix_audit_log_actor_id_id", "actor_id", "id"),
    Index("ix_audit_log_at", "at"),
)
"""`actor_id` and `username` are those of who did it; the account need not exist any more."""
