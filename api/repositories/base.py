"""What every repository shares: the connection of its unit of work, and inserts that may meet a row already there."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def insert_into(table: sa.Table, dialect: str) -> Any:
    """An INSERT that knows ON CONFLICT. Only the dialect in use is imported: PostgreSQL's takes 3 MiB."""
    return importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


@functools.cache
def insert_or_ignore(table: sa.Table, dialect: str) -> Any:
    """INSERT … ON CONFLICT DO NOTHING, made once: building a statement costs ten times what running it does."""
    return insert_into(table, dialect).on_conflict_do_nothing()


class Repository:
    """Queries of one noun. Never commits; the unit of work does.

    A table goes by its own name, its columns by the singular: `CHAT` is `CHATS.c`. Statements of the hot path are
    module constants with bound parameters; `k_…` names the key of an UPDATE, whose columns are those given to
    `execute`.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def is_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    def add_unless_there(self, table: sa.Table, values: Mapping[str, Any]) -> bool:
        """Insert one row; False when a unique key of it is taken."""
        return self.changed(insert_or_ignore(table, self.connection.dialect.name), values) == 1

    def insert(self, table: Any) -> Any:
        """An INSERT that knows ON CONFLICT on either database."""
        return insert_into(table, self.connection.dialect.name)

    def changed(self, statement: sa.Executable, values: Mapping[str, Any] | None = None) -> int:
        """Execute and return the number of rows that were changed."""
        return self.connection.execute(statement, values).rowcount  # type: ignore[attr-defined, no-any-return, unused-ignore]
