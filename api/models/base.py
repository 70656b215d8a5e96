"""The declarative base, the naming of constraints, and column types that mean the same on both databases."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, DateTime, MetaData, Numeric, Table, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from api.domain.money import PLACES, from_units, to_units

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware moment in UTC; SQLite forgets the zone, this puts it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime must not be stored")
        return value.astimezone(dt.UTC) if value is not None else None

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Money(TypeDecorator[Decimal]):
    """US dollars, exact. SQLite has no decimals: there it holds whole units of the last place, and sums stay exact."""

    impl = Numeric(20, PLACES)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return _as_units if dialect.name == "sqlite" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _as_dollars if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _as_units(value: Decimal | None) -> int | None:
    return None if value is None else to_units(value)


def _as_dollars(value: int | None) -> Decimal | None:
    return None if value is None else from_units(value)


Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {dt.datetime: UtcDateTime(), UUID: Uuid(), dict[str, Any]: Json, list[Any]: Json}  # noqa: RUF012


def table_of(model: type[DeclarativeBase]) -> Table:
    """The table behind a model, for statements without the ORM."""
    return cast(Table, model.__table__)


def is_declared(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the models speak of it: search tables and indexes are made by their migration, each database's own."""
    return not (kind in ("table", "index") and (name or "").startswith("search_"))


def default_now() -> Mapped[dt.datetime]:
    """A moment that raw SQL inserts get as well."""
    return mapped_column(server_default=func.now())


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A named CHECK that `column` holds one of `values`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
