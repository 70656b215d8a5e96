"""The audit log: it outlives the accounts that it tells of, so nothing in it is a foreign key."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now


class AuditEntry(Base):
    """`actor_id` and `username` are those of who did it; the account need not exist any more."""

    __tablename__ = "audit_log"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = default_now()
    actor_id: Mapped[UUID | None]
    username: Mapped[str] = mapped_column(String(50))
    action: Mapped[str] = mapped_column(String(60))
    target: Mapped[str | None] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    address: Mapped[str | None] = mapped_column(String(60))
    request_id: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (Index("ix_audit_log_actor_id_id", "actor_id", "id"), Index("ix_audit_log_at", "at"))
