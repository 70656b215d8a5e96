"""Facts about this installation as a whole, one row each (who became the first admin, for one), and its settings."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now


class InstanceFact(Base):
    __tablename__ = "instance_facts"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class InstanceSetting(Base):
    """What admins set above the environment's; a setting without a row has the environment's value."""

    __tablename__ = "instance_settings"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON().with_variant(JSONB(), "postgresql"))
    updated_at: Mapped[dt.datetime] = default_now()
