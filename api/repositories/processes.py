"""Server processes: who lives, seen in the database."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.models.generations import PROCESSES
from api.repositories.base import Repository

PROCESS = PROCESSES.c


class ProcessRepository(Repository):
    def register(self, process_id: UUID, store_epoch: str | None) -> None:
        """Write or renew the row of a process that has just taken its liveness lock."""
        values = {"id": process_id, "store_epoch": store_epoch, "heartbeat_at": self.now()}
        statement = self.insert(PROCESSES).values(**values)
        self.connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    def beat(self, process_id: UUID) -> bool:
        """False: the row is gone, because others took this process for dead while it was frozen."""
        beaten = sa.update(PROCESSES).where(PROCESS.id == process_id).values(heartbeat_at=self.now())
        return self.changed(beaten) == 1

    def heartbeats(self) -> dict[UUID, tuple[float, str | None]]:
        """Process id → (seconds since its last heartbeat by the database's clock, its store epoch)."""
        now = self.now()
        rows = self.connection.execute(sa.select(PROCESS.id, PROCESS.heartbeat_at, PROCESS.store_epoch))
        return {row.id: ((now - row.heartbeat_at).total_seconds(), row.store_epoch) for row in rows}

    def remove(self, process_id: UUID) -> None:
        self.connection.execute(sa.delete(PROCESSES).where(PROCESS.id == process_id))

    def now(self) -> dt.datetime:
        """The database's clock on PostgreSQL, so that hosts need not agree; our own on SQLite."""
        if self.is_postgresql:
            moment: dt.datetime = self.connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return moment
        return clock.now()
