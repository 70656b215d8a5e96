"""Is this process alive, and is it ready to take requests?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from api.db import head_revision
from api.domain import metrics
from api.domain.errors import StoreUnavailable
from api.repositories.schema import SchemaRepository
from api.repositories.unit_of_work import Store

STUCK_SECONDS: Final = 10.0


class HealthService:
    """`loop_age` is the age of the event loop's last tick, in seconds; `draining` is true after SIGTERM."""

    def __init__(self, store: Store, loop_age: Callable[[], float], draining: Callable[[], bool]) -> None:
        self._store = store
        self._loop_age = loop_age
        self._draining = draining
        self._head = head_revision()

    def stuck(self) -> str | None:
        """Why this process should be restarted, or None. No I/O."""
        age = self._loop_age()
        return f"the event loop has not moved for {age:.0f} seconds" if age > STUCK_SECONDS else None

    def obstacles(self) -> list[str]:
        """What keeps this process from taking requests; empty when it is ready."""
        found = ["stopping"] if self._draining() else []
        if (stuck := self.stuck()) is not None:
            found.append(stuck)
        try:
            revision = self._store.read(lambda work: SchemaRepository(work.connection).revision())
        except StoreUnavailable:
            return [*found, "the database cannot be reached"]
        if revision != self._head:
            found.append(f"the database is at schema {revision or 'none'}, this server needs {self._head}")
        return found

    def note_pool(self) -> None:
        """For the metrics, which another process may be asked for: how many connections are in use here."""
        metrics.db_pool_in_use.set(self._store.database.pool_in_use())

    def metrics(self) -> bytes:
        """Prometheus' text, with this moment's use of the database pool here, and that of a second ago elsewhere."""
        self.note_pool()
        return metrics.exposition()
