"""The audit log: written in the transaction of what it tells of, read newest first."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from api.domain.audit import Actor, Entry, Sought
from api.models.audit import AUDIT_LOG
from api.repositories.base import Repository

ENTRY = AUDIT_LOG.c


class AuditRepository(Repository):
    def add(self, entry: Entry) -> None:
        actor = entry.actor
        values = {"id": entry.id, "at": entry.at, "action": entry.action, "target": entry.target}
        who = {"actor_id": actor.user_id, "username": actor.username[:50], "address": actor.address}
        self.connection.execute(
            sa.insert(AUDIT_LOG).values(values | who | {"request_id": actor.request_id, "detail": dict(entry.detail)})
        )

    def page(self, sought: Sought) -> list[Entry]:
        """Newest first; ids are in the order of time."""
        query = sa.select(AUDIT_LOG).order_by(ENTRY.id.desc()).limit(sought.limit)
        if sought.user_id is not None:
            query = query.where(ENTRY.actor_id == sought.user_id)
        if sought.action is not None:
            query = query.where(ENTRY.action.startswith(sought.action, autoescape=True))
        if sought.target is not None:
            query = query.where(ENTRY.target == sought.target)
        if sought.before is not None:
            query = query.where(ENTRY.id < sought.before)
        return [
            Entry(
                Actor(row.actor_id, row.username, row.address, row.request_id),
                row.action,
                row.target,
                row.detail,
                row.id,
                row.at,
            )
            for row in self.connection.execute(query)
        ]

    def prune(self, before: dt.datetime, limit: int) -> int:
        """Remove the oldest entries from before that moment; how many."""
        old = sa.select(ENTRY.id).where(ENTRY.at < before).order_by(ENTRY.at).limit(limit)
        return self.changed(sa.delete(AUDIT_LOG).where(ENTRY.id.in_(old)))
