"""What becomes too old goes, in small transactions, so that nobody waits for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

from api.domain import clock
from api.domain.instance import InstanceSettings
from api.repositories.unit_of_work import Store, UnitOfWork

BATCH: Final = 100
TEMPORARY: Final = dt.timedelta(days=1)
MOST: Final = 10_000
"""Of each kind, at one time: the rest goes the next time."""

UNSENT: Final = dt.timedelta(days=1)
"""How long a file may wait for the message that it is to go with."""


class RetentionService:
    """Usage and the ledger stay: they hold no text."""

    def __init__(self, store: Store, instance: Callable[[], InstanceSettings]) -> None:
        self._store = store
        self._instance = instance

    def prune(self) -> dict[str, int]:
        """How many chats, images, files that were never sent, events and entries of the audit log went."""
        keeps = self._instance()
        minutes = dt.timedelta(minutes=keeps.retention_events_minutes)
        chats, audit = _days(keeps.retention_chats_days), _days(keeps.retention_audit_days)
        images = _days(keeps.retention_images_days)
        return {
            "events": self._prune(minutes, lambda work, before: work.generation_events.prune(before, BATCH)),
            "attachments": self._prune(UNSENT, lambda work, before: work.attachments.prune(before, BATCH)),
            "temporary": self._prune(TEMPORARY, lambda work, before: work.chats.prune(before, BATCH, temporary=True)),
            "chats": self._prune(chats, lambda work, before: work.chats.prune(before, BATCH)),
            "images": self._prune(images, lambda work, before: work.images.prune(before, BATCH)),
            "audit": self._prune(audit, lambda work, before: work.audit.prune(before, BATCH)),
        }

    def _prune(self, kept: dt.timedelta | None, remove: Callable[[UnitOfWork, dt.datetime], int]) -> int:
        if kept is None:
            return 0
        before, removed = clock.now() - kept, 0
        while removed < MOST and (batch := self._store.write(lambda work: remove(work, before), durable=False)):
            removed += batch
        return removed


def _days(days: int | None) -> dt.timedelta | None:
    return None if days is None else dt.timedelta(days=days)
