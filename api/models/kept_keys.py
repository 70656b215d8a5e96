"""Idempotency-Keys that stand in no row of the ledger."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Table, Uuid

from api.models.base import METADATA, column, stamp

KEPT_KEYS = Table(
    "kept_keys",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("idempotency_key", String(255), primary_key=True),
    column("request_hash", String(64)),
    column("made_id", Uuid),
    stamp("made_at"),
)
