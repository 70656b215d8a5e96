"""Facts about this installation as a whole, one row each (who became the first admin, for one)."""

from __future__ import annotations

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base


class InstanceFact(Base):
    __tablename__ = "instance_facts"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
