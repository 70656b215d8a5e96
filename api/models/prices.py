"""Prices that administrators set, in US dollars a million tokens."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, Money, default_now


class ModelPrice(Base):
    """`model` is `*` for all models of the provider that have no row of their own."""

    __tablename__ = "model_prices"

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    input: Mapped[Decimal] = mapped_column(Money())
    output: Mapped[Decimal | None] = mapped_column(Money())
    cached: Mapped[Decimal | None] = mapped_column(Money())
    cache_write: Mapped[Decimal | None] = mapped_column(Money())
    reasoning: Mapped[Decimal | None] = mapped_column(Money())
    updated_at: Mapped[dt.datetime] = default_now()
