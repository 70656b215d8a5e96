"""Budgets, how much of them is used, and what is put aside for calls that run."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, default_now, one_of

ZERO = text("0")


class Budget(Base):
    """`amount` is tokens or units of money. `name` says scope, account, unit and period, so that each is there once."""

    __tablename__ = "budgets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    scope: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    unit: Mapped[str] = mapped_column(String(6))
    period: Mapped[str] = mapped_column(String(5))
    amount: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[dt.datetime] = default_now()
    updated_at: Mapped[dt.datetime] = default_now()

    __table_args__ = (
        one_of("scope", ("instance", "everyone", "user")),
        one_of("unit", ("tokens", "cost")),
        one_of("period", ("day", "month")),
        Index("uq_budgets_name", "name", unique=True),
        Index("ix_budgets_user_id", "user_id"),
    )


class BudgetCounter(Base):
    """One row a budget, subject (an account, or all zeros for the instance) and period."""

    __tablename__ = "budget_counters"

    subject: Mapped[UUID] = mapped_column(primary_key=True)
    budget_id: Mapped[UUID] = mapped_column(ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True)
    starts: Mapped[dt.date] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    reserved: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)

    __table_args__ = (Index("ix_budget_counters_budget_id", "budget_id"),)


class Reservation(Base):
    """What a running call may cost at most; taken back at its end, or when it expires."""

    __tablename__ = "reservations"

    generation_id: Mapped[UUID] = mapped_column(primary_key=True)
    budget_id: Mapped[UUID] = mapped_column(ForeignKey("budgets.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[UUID]
    starts: Mapped[dt.date]
    amount: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[dt.datetime]

    __table_args__ = (
        Index("ix_reservations_expires_at", "expires_at"),
        Index("ix_reservations_budget_id", "budget_id"),
    )
