"""The audit log: what is noted outside a transaction of its own, what is read, what becomes too old."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from api.domain import clock
from api.domain.audit import Entry, Sought
from api.domain.instance import InstanceSettings
from api.repositories.unit_of_work import Store

BATCH: Final = 500


class AuditService:
    def __init__(self, store: Store, instance: Callable[[], InstanceSettings]) -> None:
        self._store = store
        self._instance = instance

    def note(self, entry: Entry) -> None:
        """What was done in a transaction that is over. Raises StoreUnavailable."""
        self._store.write(lambda work: work.audit.add(entry))

    def page(self, sought: Sought) -> list[Entry]:
        """Entries, newest first."""
        return self._store.read(lambda work: work.audit.page(sought))

    def prune(self) -> int:
        """Remove what is older than the instance keeps, in small transactions; how many entries."""
        days = self._instance().retention_audit_days
        if days is None:
            return 0
        before, removed = clock.now() - dt.timedelta(days=days), 0
        while batch := self._store.write(lambda work: work.audit.prune(before, BATCH), durable=False):
            removed += batch
        return removed
