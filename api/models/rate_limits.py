"""Counters of the rate limits: one row a key and window."""

from __future__ import annotations

from sqlalchemy import Double, Index, Integer, String, Table

from api.models.base import METADATA, column

RATE_LIMITS = Table(
    "rate_limits",
    METADATA,
    column("key", String(255), primary_key=True),
    column("hits", Integer),
    column("expires_at", Double),
    Index("ix_rate_limits_expires_at", "expires_at"),
)
"""`expires_at` is Unix seconds, because windows are counted in them."""
