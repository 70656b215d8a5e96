"""Which Slack user acts as which account, and what Slack is still to be told."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now


class SlackLink(Base):
    """One row an account that has asked for a code or is linked; a code counts once."""

    __tablename__ = "slack_links"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    team_id: Mapped[str | None] = mapped_column(String(50))
    slack_user_id: Mapped[str | None] = mapped_column(String(50))
    linked_at: Mapped[dt.datetime | None]
    code_hash: Mapped[str | None] = mapped_column(String(64))
    code_expires_at: Mapped[dt.datetime | None]

    __table_args__ = (
        Index("uq_slack_links_team_id_slack_user_id", "team_id", "slack_user_id", unique=True),
        Index("uq_slack_links_code_hash", "code_hash", unique=True),
    )


class SlackAnswer(Base):
    """One row an answer that was promised for later, until it is delivered; its address is good for half an hour."""

    __tablename__ = "slack_answers"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    generation_id: Mapped[UUID]
    owner: Mapped[UUID]  # the process that delivers it
    response_url_encrypted: Mapped[str] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = default_now()
