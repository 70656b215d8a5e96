"""What was used, added up by account and day: what GET /usage reads, equal to the sums over the ledger."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from api.models.base import Base, Money

ZERO = text("0")


class Sums:
    """What is added up."""

    calls: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    errors: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    estimated: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    unpriced: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)  # calls with tokens of unknown price
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    completion_tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    cached_tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
    cost: Mapped[Decimal] = mapped_column(Money(), server_default=ZERO)
    timed_tokens: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)  # of calls whose writing took a time
    timed_ms: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)


class UsageDay(Sums, Base):
    """`day` is that of the ledger's row; `api_key_id` is all zeros where a session asked."""

    __tablename__ = "usage_days"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    surface: Mapped[str] = mapped_column(String(20), primary_key=True)
    api_key_id: Mapped[UUID] = mapped_column(primary_key=True)

    __table_args__ = (Index("ix_usage_days_day", "day"),)


class UsageWait(Base):
    """How many calls of a model waited so long for their first token: `bucket` as in domain/usage.py."""

    __tablename__ = "usage_waits"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    surface: Mapped[str] = mapped_column(String(20), primary_key=True)
    api_key_id: Mapped[UUID] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)

    __table_args__ = (Index("ix_usage_waits_day", "day"),)


class UsageOfUser(Sums, Base):
    """The same of an account and day alone, for the list of all accounts."""

    __tablename__ = "usage_users"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)

    __table_args__ = (Index("ix_usage_users_day", "day"),)


class UsageOfMonth(Sums, Base):
    """The same of an account and month, told by its first day: a year of all accounts is few rows."""

    __tablename__ = "usage_months"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    month: Mapped[dt.date] = mapped_column(primary_key=True)

    __table_args__ = (Index("ix_usage_months_month", "month"),)


class UsageOfAll(Sums, Base):
    """The same of all accounts together: few rows, however many people there are."""

    __tablename__ = "usage_totals"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    surface: Mapped[str] = mapped_column(String(20), primary_key=True)


class WaitsOfAll(Base):
    """All accounts' waits, by model."""

    __tablename__ = "usage_total_waits"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    model: Mapped[str] = mapped_column(String(200), primary_key=True)
    surface: Mapped[str] = mapped_column(String(20), primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)


class WaitsOfDay(Base):
    """All accounts' waits of a day, whatever the model."""

    __tablename__ = "usage_day_waits"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger, server_default=ZERO)
