"""Liveness: every process holds a lock that the operating system or PostgreSQL frees when it dies.

SQLite: an flock on a file beside the database. PostgreSQL: a session advisory lock on a connection of its own, which
also listens for the word that other processes have stored events.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from api.db import Database
from api.repositories.generation_events import CHANNEL
from api.repositories.one_writer import TROUBLE, away

log = structlog.get_logger()
RECONNECT_SECONDS = 0.5


def lock_key(process_id: UUID) -> int:
    """64 signed bits of a process id, as pg_advisory_lock takes them."""
    return (process_id.int & 0xFFFF_FFFF_FFFF_FFFF) - (1 << 63)


class FilePresence:
    """SQLite's liveness lock. A freed or missing file is a dead process."""

    def __init__(self, database: Database, process_id: UUID) -> None:
        self._folder = Path(f"{database.url.database}.processes")
        self._process_id = process_id
        self._descriptor: int | None = None

    def start(self, held: Callable[[str | None], None], announced: Callable[[], None]) -> None:
        """Take the lock; `held(epoch)` is called once. SQLite announces nothing: readers elsewhere poll."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path(self._process_id), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        held(None)

    def epoch(self) -> str | None:
        return None

    def is_free(self, process_id: UUID) -> bool:
        try:
            descriptor = os.open(self._path(process_id), os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    def forget(self, process_id: UUID) -> None:
        self._path(process_id).unlink(missing_ok=True)

    def stop(self) -> None:
        if self._descriptor is not None:
            self.forget(self._process_id)
            os.close(self._descriptor)
            self._descriptor = None

    def _path(self, process_id: UUID) -> Path:
        return self._folder / f"{process_id}.lock"


class PostgresPresence:
    """PostgreSQL's liveness lock and LISTEN, on one connection, made again whenever it breaks.

    The epoch is the server's start: after a restart every lock is free although nobody died, and an epoch that
    differs tells so.
    """

    def __init__(self, database: Database, process_id: UUID) -> None:
        self._database = database
        self._process_id = process_id
        self._stop_read, self._stop_write = os.pipe()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self, held: Callable[[str | None], None], announced: Callable[[], None]) -> None:
        """Take the lock before returning; `held(epoch)` after each taking, `announced()` when others have news."""
        connection = self._connect()
        held(self._epoch_of(connection))
        self._thread = threading.Thread(
            target=self._serve, args=(connection, held, announced), name="presence", daemon=True
        )
        self._thread.start()

    def epoch(self) -> str | None:
        with self._asking() as connection:
            return str(connection.execute(sa.text("SELECT pg_postmaster_start_time()::text")).scalar_one())

    def is_free(self, process_id: UUID) -> bool:
        key = {"key": lock_key(process_id)}
        with self._asking() as connection:
            if not connection.execute(sa.text("SELECT pg_try_advisory_lock(:key)"), key).scalar():
                return False
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), key)
            return True

    @contextlib.contextmanager
    def _asking(self) -> Iterator[Connection]:
        """Raises StoreUnavailable."""
        try:
            with self._database.reader.connect() as connection:
                yield connection
        except TROUBLE as error:
            raise away(error) from error

    def forget(self, process_id: UUID) -> None:
        """Nothing to remove: the lock went with its session."""

    def stop(self) -> None:
        self._stopping = True
        os.write(self._stop_write, b"x")
        if self._thread is not None:
            self._thread.join(10)

    def _connect(self) -> Any:
        connection = self._database.listener()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (lock_key(self._process_id),))
            cursor.execute(f"LISTEN {CHANNEL}")
        return connection

    @staticmethod
    def _epoch_of(connection: Any) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_postmaster_start_time()::text")
            return str(cursor.fetchone()[0])

    def _serve(self, connection: Any, held: Callable[[str | None], None], announced: Callable[[], None]) -> None:
        while not self._stopping:
            try:
                if connection is None:
                    connection = self._connect()
                    held(self._epoch_of(connection))
                    announced()  # what was said while nobody listened is lost: read again
                self._listen(connection, announced)
            except Exception as error:
                if connection is not None:  # once an outage, not at every attempt
                    log.warning("the listening connection broke; it is made again", error=type(error).__name__)
                    with contextlib.suppress(Exception):
                        connection.close()
                connection = None
                self._wait(RECONNECT_SECONDS)
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def _listen(self, connection: Any, announced: Callable[[], None]) -> None:
        own = str(self._process_id)
        while not self._stopping:
            if not self._wait(10, connection.fileno()):  # a dead peer shows here, not in the wait
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
            connection.poll()
            notices, connection.notifies[:] = list(connection.notifies), []
            if any(notice.payload != own for notice in notices):
                announced()

    def _wait(self, seconds: float, *descriptors: int) -> bool:
        """Until one of them can be read, or `stop`. Not `select`, which refuses numbers from 1024 on."""
        waiting = select.poll()
        for descriptor in (*descriptors, self._stop_read):
            waiting.register(descriptor, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))


Presence = FilePresence | PostgresPresence


def presence_of(database: Database, process_id: UUID) -> Presence:
    kind = PostgresPresence if database.is_postgresql else FilePresence
    return kind(database, process_id)
