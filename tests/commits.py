"""A COMMIT that nobody answers, on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.repositories.unit_of_work import Store


class Cut:
    """Lets the connection break at the COMMIT of the next transaction whose statements hold `behind`: before
    PostgreSQL has `heard` of it, or when it is done."""

    def __init__(self, store: Store, *, heard: bool, behind: str = "") -> None:
        self.done = False
        self._store = store
        self._heard = heard
        self._behind = behind
        self._connection: Connection | None = None
        sa.event.listen(store.database.writer, "before_cursor_execute", self._sees)
        sa.event.listen(store.database.writer, "commit", self._cuts)

    def _sees(self, connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if not self.done and self._behind in statement:
            self._connection = connection

    def _cuts(self, connection: Connection) -> None:
        if self.done or connection is not self._connection:
            return
        self.done = True
        driver: Any = connection.connection.dbapi_connection
        if self._heard:
            driver.commit()
            driver.cursor().execute("SELECT 1")
        end = sa.text("SELECT pg_terminate_backend(:pid, 10000)")
        self._store.read(lambda work: work.connection.execute(end, {"pid": driver.info.backend_pid}))
