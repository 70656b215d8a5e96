"""Queries of imports: what is known by its name elsewhere, and the runs with their results."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.domain.imports import Imported, ImportResult, ImportRun
from api.models.chats import MESSAGES
from api.models.imports import IMPORT_RESULTS, IMPORT_RUNS, IMPORTS
from api.repositories.base import Repository

IMPORT, RUN, RESULT, MESSAGE = IMPORTS.c, IMPORT_RUNS.c, IMPORT_RESULTS.c, MESSAGES.c
KNOWN_FIELDS = tuple(IMPORT[name] for name in Imported.__dataclass_fields__)
RESULT_FIELDS = tuple(RESULT[name] for name in ImportResult.__dataclass_fields__)
IDS = 500  # in one query


class ImportRepository(Repository):
    def claim(self, user_id: UUID, wanted: Imported) -> tuple[Imported, bool]:
        """What is known of it, kept from changing until this transaction ends, and whether it is news."""
        is_new = self.add_unless_there(IMPORTS, {"user_id": user_id, **asdict(wanted)})
        found = sa.and_(IMPORT.user_id == user_id, IMPORT.source == wanted.source, IMPORT.source_id == wanted.source_id)
        row = self.connection.execute(sa.select(*KNOWN_FIELDS).where(found).with_for_update()).mappings().one()
        return Imported(**row), is_new

    def remember(self, user_id: UUID, known: Imported) -> None:
        found = (IMPORT.user_id == user_id, IMPORT.source == known.source, IMPORT.source_id == known.source_id)
        values = {"content_hash": known.content_hash, "object_id": known.object_id, "imported_at": clock.now()}
        self.connection.execute(sa.update(IMPORTS).where(*found).values(values))

    def chats_of(self, user_id: UUID, ids: Collection[UUID]) -> dict[UUID, UUID]:
        """Those of these message ids that the account has, with the chat of each."""
        wanted, found = list(ids), {}
        for first in range(0, len(wanted), IDS):
            of_these = MESSAGE.id.in_(wanted[first : first + IDS])
            query = sa.select(MESSAGE.id, MESSAGE.chat_id).where(MESSAGE.user_id == user_id, of_these)
            found.update({row.id: row.chat_id for row in self.connection.execute(query)})
        return found

    def begin(self, run: ImportRun) -> None:
        self.connection.execute(sa.insert(IMPORT_RUNS).values(asdict(run)))

    def forget_runs(self, user_id: UUID, before: dt.datetime) -> None:
        """Those that ended long ago, with their results; what they brought is known all the same."""
        self.connection.execute(sa.delete(IMPORT_RUNS).where(RUN.user_id == user_id, RUN.updated_at < before))

    def progress(self, user_id: UUID, run_id: UUID, values: Mapping[str, Any]) -> None:
        """Set these, and that the run lives."""
        found = (RUN.user_id == user_id, RUN.id == run_id)
        self.connection.execute(sa.update(IMPORT_RUNS).where(*found).values(updated_at=clock.now(), **values))

    def add_result(self, user_id: UUID, run_id: UUID, result: ImportResult) -> None:
        self.connection.execute(sa.insert(IMPORT_RESULTS).values(user_id=user_id, run_id=run_id, **asdict(result)))

    def run(self, user_id: UUID, run_id: UUID) -> ImportRun | None:
        query = sa.select(IMPORT_RUNS).where(RUN.user_id == user_id, RUN.id == run_id)
        row = self.connection.execute(query).mappings().first()
        return ImportRun(**row) if row is not None else None

    def alive(self, user_id: UUID, since: dt.datetime) -> bool:
        """Whether a run of the account has moved since then."""
        found = (RUN.user_id == user_id, RUN.state == "running", RUN.updated_at > since)
        return self.connection.execute(sa.select(RUN.id).where(*found).limit(1)).first() is not None

    def results(self, user_id: UUID, run_id: UUID, after: int, limit: int) -> list[ImportResult]:
        """In the file's order, from just behind `after`."""
        found = (RESULT.user_id == user_id, RESULT.run_id == run_id, RESULT.position > after)
        query = sa.select(*RESULT_FIELDS).where(*found).order_by(RESULT.position).limit(limit)
        return [ImportResult(**row) for row in self.connection.execute(query).mappings()]
