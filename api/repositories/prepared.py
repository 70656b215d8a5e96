"""Statements of the hot path: made once with Core, run through the driver.

Core's own execution costs 30 to 100 µs of CPU a statement, the driver 4; a message takes a dozen statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from api.db import execute

T = TypeVar("T")
Values = Mapping[str, Any]
Convert = Callable[[Any], Any]


@dataclass(slots=True)
class _Native:
    """One statement in one driver's words. `binds` are in the parameters' order, where the driver numbers them."""

    text: str
    fixed: dict[str, Any]
    binds: tuple[tuple[str, Convert | None], ...]
    is_numbered: bool
    results: tuple[tuple[int, Convert], ...] | None = None  # known once the driver has told the columns' types

    def parameters(self, values: Values) -> Any:
        given = {**self.fixed, **values} if self.fixed else values
        if self.is_numbered:
            return [given[name] if convert is None else convert(given[name]) for name, convert in self.binds]
        return {name: given[name] if convert is None else convert(given[name]) for name, convert in self.binds}

    def row(self, raw: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self.results:
            return raw
        row = list(raw)
        for index, convert in self.results:
            row[index] = convert(row[index])
        return tuple(row)


class Prepared:
    """A Core statement without IN lists. `given` names the columns that an INSERT or UPDATE gets.

    Raises SQLAlchemy's errors, as `Connection.execute` does.
    """

    def __init__(self, statement: Any, *given: str) -> None:
        self._statement = statement
        self._given = list(given) or None
        self._natives: dict[str, _Native] = {}
        self._columns = list(getattr(statement, "exported_columns", ()))
        self._names = tuple(column.key for column in self._columns)

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        native = self._native(connection.dialect)
        cursor = execute(connection, native.text, native.parameters(values))
        if native.results is None:
            types = [column[1] for column in cursor.description]
            made = (_result(one.type, connection.dialect, types[i]) for i, one in enumerate(self._columns))
            native.results = tuple(_converts(enumerate(made)))
        return [native.row(raw) for raw in cursor.fetchall()]

    def first(self, connection: Connection, values: Values) -> tuple[Any, ...] | None:
        found = self.rows(connection, values)
        return found[0] if found else None

    def records(self, connection: Connection, values: Values, make: Callable[..., T]) -> list[T]:
        """Each row as `make(column=value, …)`."""
        return [make(**dict(zip(self._names, row, strict=True))) for row in self.rows(connection, values)]

    def record(self, connection: Connection, values: Values, make: Callable[..., T]) -> T | None:
        found = self.records(connection, values, make)
        return found[0] if found else None

    def changed(self, connection: Connection, values: Values) -> int:
        """How many rows were changed."""
        native = self._native(connection.dialect)
        count: int = execute(connection, native.text, native.parameters(values)).rowcount
        return count

    def _native(self, dialect: Dialect) -> _Native:
        return self._natives.get(dialect.name) or self._compiled(dialect)

    def _compiled(self, dialect: Dialect) -> _Native:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._given)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        names = compiled.positiontup if compiled.positional else binds
        native = self._natives[dialect.name] = _Native(
            text=compiled.string,
            fixed={name: bind.value for name, bind in binds.items() if not bind.required},
            binds=tuple((name, _bind(binds[name].type, dialect)) for name in names),
            is_numbered=compiled.positional,
        )
        return native


def together(connection: Connection, *pieces: tuple[Prepared, Values]) -> int:
    """Run statements one after the other, on PostgreSQL in one round trip; how many rows the last one changed."""
    natives = [(piece._native(connection.dialect), values) for piece, values in pieces]
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        text = b";".join(cursor.mogrify(native.text, native.parameters(values)) for native, values in natives)
        count: int = execute(connection, text, None, told="; ".join(native.text for native, _ in natives)).rowcount
        return count
    for native, values in natives:
        count = execute(connection, native.text, native.parameters(values)).rowcount
    return count


def _bind(type_: Any, dialect: Dialect) -> Convert | None:
    if isinstance(type_, sa.Uuid) and dialect.name == "sqlite":
        return _as_hex
    convert: Convert | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return convert


def _result(type_: Any, dialect: Dialect, told: object) -> Convert | None:
    if isinstance(type_, sa.Uuid) and dialect.name == "sqlite":
        return _as_uuid
    convert: Convert | None = type_.dialect_impl(dialect).result_processor(dialect, told)
    return convert


def _as_hex(value: UUID | None) -> str | None:
    return None if value is None else f"{value.int:032x}"


def _as_uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(int=int(text, 16))


def _converts(pairs: Iterable[tuple[Any, Convert | None]]) -> Iterator[tuple[Any, Convert]]:
    return ((place, convert) for place, convert in pairs if convert is not None)
