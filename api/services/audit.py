"""The audit log: what is noted outside a transaction of its own, and what is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from api.domain.audit import Entry, Sought
from api.repositories.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class EntryPage:
    """`next_cursor` asks for the page after this one; None at the end."""

    items: list[Entry]
    next_cursor: str | None


class AuditService:
    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, entry: Entry) -> None:
        """What was done in a transaction that is over. Raises StoreUnavailable."""
        self._store.write(lambda work: work.audit.add(entry))

    def page(self, sought: Sought) -> EntryPage:
        """Newest first."""
        entries = self._store.read(lambda work: work.audit.page(replace(sought, limit=sought.limit + 1)))
        items = entries[: sought.limit]
        return EntryPage(items, str(items[-1].id) if len(entries) > sought.limit else None)
