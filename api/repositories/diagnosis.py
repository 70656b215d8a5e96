"""What an operator asks of the database itself: version, flags, clock, and what can be swept out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from api.domain import clock
from api.models.accounts import SESSIONS
from api.repositories.base import Repository

SESSION = SESSIONS.c


@dataclass(frozen=True, slots=True)
class Facts:
    """`flags`: name → (value found, value that keeps Parley's promises)."""

    version: tuple[int, int]
    flags: dict[str, tuple[str, str]]
    clock_offset: float
    connections: int | None


class Diagnosis(Repository):
    def facts(self) -> Facts:
        return self._postgresql() if self.is_postgresql else self._sqlite()

    def _postgresql(self) -> Facts:
        def show(name: str) -> str:
            return str(self.connection.execute(sa.text(f"SHOW {name}")).scalar())

        before = clock.now()
        there: dt.datetime = self.connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        offset = max(0.0, (before - there).total_seconds(), (there - clock.now()).total_seconds())
        number = int(show("server_version_num"))
        wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "server_encoding": "UTF8"}
        flags = {name: (show(name), value) for name, value in wanted.items()}
        return Facts((number // 10000, number % 10000), flags, offset, int(show("max_connections")))

    def _sqlite(self) -> Facts:
        def pragma(name: str) -> Any:
            return self.connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        version = str(self.connection.exec_driver_sql("SELECT sqlite_version()").scalar()).split(".")
        flags = {
            "journal_mode": (str(pragma("journal_mode")), "wal"),
            "foreign_keys": (str(pragma("foreign_keys")), "1"),
            "quick_check": (str(pragma("quick_check(1)")), "ok"),
        }
        return Facts((int(version[0]), int(version[1])), flags, 0.0, None)

    def remove_sessions(self, unused_since: dt.datetime) -> int:
        """Those that ended before that moment, or that nobody has used since."""
        old = sa.or_(SESSION.revoked_at < unused_since, SESSION.last_used_at < unused_since)
        return self.changed(sa.delete(SESSIONS).where(old))

    def compact(self) -> None:
        """Give free pages of a SQLite file back to the disk; PostgreSQL does that by itself."""
        if not self.is_postgresql:
            self.connection.exec_driver_sql("VACUUM")
