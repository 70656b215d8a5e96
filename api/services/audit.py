"""The audit log: what is noted outside a transaction of its own, and what is read."""

from __future__ import annotations

from api.domain.audit import Entry, Sought
from api.repositories.unit_of_work import Store


class AuditService:
    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, entry: Entry) -> None:
        """What was done in a transaction that is over. Raises StoreUnavailable."""
        self._store.write(lambda work: work.audit.add(entry))

    def page(self, sought: Sought) -> list[Entry]:
        """Entries, newest first."""
        return self._store.read(lambda work: work.audit.page(sought))
