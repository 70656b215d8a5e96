"""What all tables share: their metadata, the naming of constraints, and column types that mean the same on both
databases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, DateTime, Index, MetaData, Numeric, func, text
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator, TypeEngine

from api.domain.money import PLACES, from_units, to_units

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware moment in UTC. SQLite has texts for it, without a zone: these are written and read here, at a third of
    what the general way costs."""

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

    def bind_processor(self, dialect: Dialect) -> Any:
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _as_moment if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _as_text(value: dt.datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not dt.UTC:
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not be stored")
        value = value.astimezone(dt.UTC)
    return value.isoformat(" ", "microseconds")[:-6]  # without the zone


def _as_moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text + "+00:00")


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


class Json(TypeDecorator[Any]):
    """JSON, on PostgreSQL its binary form. That dialect's types are imported by those who use it: 3 MiB."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return self.impl_instance
        from sqlalchemy.dialects.postgresql import JSONB

        return JSONB()


def column(
    name: str, type_: type[TypeEngine[Any]] | TypeEngine[Any], *items: SchemaItem, **options: Any
) -> Column[Any]:
    """A column that always has a value."""
    return Column(name, type_, *items, nullable=False, **options)


def optional(name: str, type_: type[TypeEngine[Any]] | TypeEngine[Any], *items: SchemaItem) -> Column[Any]:
    """A column that may have none."""
    return Column(name, type_, *items, nullable=True)


def stamp(name: str) -> Column[Any]:
    """A moment that raw SQL inserts get as well."""
    return column(name, UtcDateTime, server_default=func.now())


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that `where` names."""
    index = Index(name, *columns, unique=unique)
    index.dialect_options = _Options(where)
    return index


class _Options(Mapping[str, Any]):
    """A partial index's options for each database, made when somebody asks, who makes or compares tables: to name them
    to SQLAlchemy imports the dialects of both, PostgreSQL's with 3 MiB."""

    def __init__(self, where: str) -> None:
        self._where = where

    @cached_property
    def _made(self) -> Mapping[str, Any]:
        return Index(None, sqlite_where=text(self._where), postgresql_where=text(self._where)).dialect_options

    def __getitem__(self, dialect: str) -> Any:
        return self._made[dialect]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def is_declared(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the models speak of it: search tables and indexes are made by their migration, each database's own."""
    return not (kind in ("table", "index") and (name or "").startswith("search_"))


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A named CHECK that `column` holds one of `values`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
