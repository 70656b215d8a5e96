"""What every repository shares: the connection of its unit of work, and inserts that may meet a row already there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


class Repository:
    """Queries of one noun. Never commits; the unit of work does."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def is_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    def insert(self, table: Any) -> Any:
        """An INSERT that knows ON CONFLICT on either database."""
        return postgresql.insert(table) if self.is_postgresql else sqlite.insert(table)

    def changed(self, statement: sa.Executable) -> int:
        """Execute and return the number of rows that were changed."""
        return self.connection.execute(statement).rowcount  # type: ignore[attr-defined, no-any-return, unused-ignore]
