"""Which Slack user acts as which account, and what Slack is still to be told."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Table, Text, Uuid

from api.models.base import METADATA, UtcDateTime, column, optional, stamp

SLACK_LINKS = Table(
    "slack_links",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    optional("team_id", String(50)),
    optional("slack_user_id", String(50)),
    optional("linked_at", UtcDateTime),
    optional("code_hash", String(64)),
    optional("code_expires_at", UtcDateTime),
    Index("uq_slack_links_team_id_slack_user_id", "team_id", "slack_user_id", unique=True),
    Index("uq_slack_links_code_hash", "code_hash", unique=True),
)
"""One row an account that has asked for a code or is linked; a code counts once."""

SLACK_ANSWERS = Table(
    "slack_answers",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    column("generation_id", Uuid),
    column("owner", Uuid),  # the process that delivers it
    column("response_url_encrypted", Text),
    stamp("created_at"),
)
"""One row an answer that was promised for later, until it is delivered; its address is good for half an hour."""
