"""What SQLite's index of the messages holds, and what one that is made from scratch would."""

from __future__ import annotations

import runpy
import sqlite3
from contextlib import closing
from typing import Any
from uuid import UUID

from api.db import MIGRATIONS
from api.repositories.unit_of_work import Store

BODY: str = runpy.run_path(str(MIGRATIONS / "versions" / "0016_search_marks.py"))["BODY"].format("m")
SCRATCH = f"""
    BEGIN IMMEDIATE;
    CREATE VIRTUAL TABLE temp.scratch USING fts5(body, content='', tokenize='trigram', detail=none);
    CREATE VIRTUAL TABLE temp.scratch_vocabulary USING fts5vocab(temp, scratch, instance);
    INSERT INTO scratch (rowid, body) SELECT e.id, {BODY} FROM search_entries e
        JOIN messages m ON m.user_id = e.user_id AND m.id = e.message_id ORDER BY e.id;
    INSERT INTO search_texts (search_texts) VALUES ('integrity-check');
"""


def indexed(store: Store) -> list[UUID]:
    """The messages of the index, by their numbers. Fails where it has other words than one made from scratch."""
    with closing(sqlite3.connect(str(store.database.url.database), timeout=60, isolation_level=None)) as file:
        file.executescript(SCRATCH)
        held, wanted = (set(file.execute(f"SELECT term, doc FROM {name}_vocabulary")) for name in ("search", "scratch"))
        assert held == wanted
        return [UUID(row[0]) for row in file.execute("SELECT message_id FROM search_entries ORDER BY id")]


def pending(store: Store) -> list[UUID]:
    """The messages that wait, the oldest first, as they were noted."""

    def read(work: Any) -> list[UUID]:
        rows = work.connection.exec_driver_sql("SELECT message_id FROM search_pending ORDER BY number")
        return [UUID(row[0]) for row in rows]

    return store.read(read)
