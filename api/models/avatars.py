"""Avatars that people uploaded; their bytes are files, named by hash."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, String, Table, Uuid

from api.models.base import METADATA, column, stamp

AVATARS = Table(
    "avatars",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("digest", String(64)),
    column("size", Integer),
    stamp("created_at"),
    Index("ix_avatars_digest", "digest"),
)
"""There is a row where `users.avatar_url` is an address of this server."""
