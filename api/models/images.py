"""Images that models made; their bytes are files, named by hash."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, String, Table, Text, Uuid

from api.models.base import METADATA, column, optional, stamp

IMAGES = Table(
    "images",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    column("generation_id", Uuid),
    column("prompt", Text),
    optional("revised_prompt", Text),
    column("provider", String(40)),
    column("model", String(200)),
    optional("requested_size", String(20)),
    optional("quality", String(20)),
    column("mime", String(40)),
    column("width", Integer),
    column("height", Integer),
    column("bytes", Integer),
    column("digest", String(64)),
    stamp("created_at"),
    Index("ix_images_digest", "digest"),
    Index("ix_images_created_at", "created_at"),
)
"""`generation_id` carries no foreign key, as in the ledger: what it cost stands there."""
