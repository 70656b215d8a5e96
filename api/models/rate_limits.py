"""Counters of the rate limits: one row a key and window."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base


class RateLimit(Base):
    """`expires_at` is Unix seconds, because windows are counted in them."""

    __tablename__ = "rate_limits"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[float]

    __table_args__ = (Index("ix_rate_limits_expires_at", "expires_at"),)
