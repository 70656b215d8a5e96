"""Rows of every table, whatever the database: read from one snapshot, written as they were, counted and hashed.

A line is a row as canonical JSON, equal on SQLite and PostgreSQL. The digest of a table is a sum over its lines, so
the order in which a database sorts does not matter. What describes a table travels along (`Shape`), so that rows of an
older schema can be written to that schema and migrated there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.db import Database
from api.models.base import METADATA, Json, Money, UtcDateTime

BATCH: Final = 500
OF_A_PROCESS: Final = frozenset(("processes",))  # what lives and dies with running servers is never carried
Shape = dict[str, str]  # column -> kind

KINDS: Final[dict[str, Any]] = {
    "moment": UtcDateTime(),
    "money": Money(),
    "json": Json(),
    "uuid": sa.Uuid(),
    "date": sa.Date(),
    "boolean": sa.Boolean(),
    "integer": sa.BigInteger(),
    "float": sa.Double(),
    "bytes": sa.LargeBinary(),
    "text": sa.Text(),
}
OURS: Final[tuple[tuple[type[Any], str], ...]] = (
    (UtcDateTime, "moment"),
    (Money, "money"),
    (Json, "json"),
    (sa.Uuid, "uuid"),
    (sa.Date, "date"),
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Float, "float"),
    (sa.LargeBinary, "bytes"),
    (sa.String, "text"),
)
READ: Final[dict[str, Callable[[Any], Any]]] = {
    "moment": dt.datetime.fromisoformat,
    "money": Decimal,
    "uuid": UUID,
    "date": dt.date.fromisoformat,
    "bytes": bytes.fromhex,
}
WRITTEN: Final[dict[str, Callable[[Any], Any]]] = {
    "moment": dt.datetime.isoformat,
    "money": lambda value: format(value.normalize(), "f"),
    "uuid": str,
    "date": dt.date.isoformat,
    "bytes": bytes.hex,
    "json": lambda value: _plain_numbers(value),
}


def kind_of(column: sa.Column[Any]) -> str:
    """How a column's values are written. Raises TypeError for a type that nobody taught us."""
    for ours, kind in OURS:
        if isinstance(column.type, ours):
            return kind
    raise TypeError(f"{column} has a type that backups do not know: add it to api/repositories/transfer.py")


def shapes() -> dict[str, Shape]:
    """This code's tables, those that others refer to first."""
    tables = (table for table in METADATA.sorted_tables if table.name not in OF_A_PROCESS)
    return {table.name: {column.name: kind_of(column) for column in table.columns} for table in tables}


def table_like(name: str, shape: Shape) -> sa.Table:
    return sa.Table(name, sa.MetaData(), *(sa.Column(column, KINDS[kind]) for column, kind in shape.items()))


@dataclass
class Digest:
    """Count and hash of a set of lines, whatever their order."""

    rows: int = 0
    total: int = 0

    def add(self, line: bytes) -> None:
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.sha256(line).digest(), "big")) % (1 << 256)

    def told(self) -> dict[str, Any]:
        return {"rows": self.rows, "hash": f"{self.total:064x}"}


def encode(shape: Shape, row: Iterable[Any]) -> bytes:
    values = {
        column: value if value is None or kind not in WRITTEN else WRITTEN[kind](value)
        for (column, kind), value in zip(shape.items(), row, strict=True)
    }
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def decode(shape: Shape, line: bytes) -> dict[str, Any]:
    values = json.loads(line)
    return {
        column: value if value is None or shape[column] not in READ else READ[shape[column]](value)
        for column, value in values.items()
    }


def _plain_numbers(value: Any) -> Any:
    """PostgreSQL keeps 1e16 and 1.0 as it likes: a whole number is written as one."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain_numbers(item) for name, item in value.items()}
    return [_plain_numbers(item) for item in value] if isinstance(value, list) else value


@contextlib.contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """One moment of the whole database; nobody waits for it, and rows are fetched in small batches."""
    if not database.is_postgresql:
        with database.reader.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")
        return
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with database.writer.connect().execution_options(**options) as connection:
        _without_timeouts(connection)
        yield connection


def _without_timeouts(connection: Connection) -> None:
    """What is right for a request is too short for a whole database; it ends with the transaction."""
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {name} = 0")


def lines(connection: Connection, name: str, shape: Shape) -> Iterator[bytes]:
    """A table's rows, read as they are wanted."""
    statement = sa.select(table_like(name, shape)).execution_options(yield_per=BATCH)
    for row in connection.execute(statement):
        yield encode(shape, row)


@contextlib.contextmanager
def writing(database: Database) -> Iterator[Connection]:
    """One transaction for everything: all of it is there afterwards, or none."""
    with database.writer.begin() as connection:
        if database.is_postgresql:
            _without_timeouts(connection)
        yield connection


def insert(connection: Connection, name: str, shape: Shape, rows: Iterable[bytes]) -> Digest:
    """Write lines to a table; a row that refers to one of its own table may come before it."""
    digest = Digest()
    statement = sa.insert(table_like(name, shape))
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        for line in batch:
            digest.add(line)
        connection.execute(statement, [decode(shape, line) for line in batch])
    return digest


def clear(connection: Connection, names: Iterable[str]) -> None:
    """Remove all rows, those that refer to others first."""
    for name in reversed(list(names)):
        connection.execute(sa.delete(sa.table(name)))


def count(connection: Connection, name: str) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one())


def sealed(connection: Connection) -> Iterator[tuple[UUID, str]]:
    """Row id and token of every provider key."""
    configs = sa.table("model_configs", sa.column("id", sa.Uuid()), sa.column("api_key_encrypted"))
    statement = sa.select(configs.c.id, configs.c.api_key_encrypted).where(configs.c.api_key_encrypted.is_not(None))
    for row in connection.execute(statement.execution_options(yield_per=BATCH)):
        yield row.id, row.api_key_encrypted
