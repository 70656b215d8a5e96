"""Facts about this installation as a whole, one row each (who became the first admin, for one), and its settings."""

from __future__ import annotations

from sqlalchemy import String, Table, Text

from api.models.base import METADATA, Json, column, stamp

INSTANCE_FACTS = Table(
    "instance_facts",
    METADATA,
    column("name", String(50), primary_key=True),
    column("value", Text),
)

INSTANCE_SETTINGS = Table(
    "instance_settings",
    METADATA,
    column("name", String(50), primary_key=True),
    column("value", Json),
    stamp("updated_at"),
)
"""What admins set above the environment's; a setting without a row has the environment's value."""
