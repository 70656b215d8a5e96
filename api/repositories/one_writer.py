"""SQLite's one writer at a time: one thread runs all that is waiting in one transaction, a SAVEPOINT each, in order,
and answers after COMMIT. No writer starves in the busy handler, and one disk flush serves many.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.db import Database, execute
from api.domain.errors import StoreUnavailable

T = TypeVar("T")
BATCH = 256
CLOSING_SECONDS = 30.0
AWAY = "The database cannot be reached at the moment; nothing was changed, try again in a few seconds."
TROUBLE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
"""What SQLAlchemy raises where the database is to blame, or the way to it."""
IN_TROUBLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)


def away(cause: BaseException) -> StoreUnavailable:
    """What is told of trouble that left nothing behind."""
    told = StoreUnavailable(AWAY, retry_after=2)
    told.__cause__ = cause
    return told


class _Job:
    """A piece of work that waits for its turn. `wake` is locked until there is news for its thread."""

    __slots__ = ("durable", "error", "finished", "fn", "result", "wake")

    def __init__(self, fn: Callable[[Connection], Any], durable: bool) -> None:
        self.fn = fn
        self.durable = durable
        self.result: Any = None
        self.error: BaseException | None = None
        self.finished = False
        self.wake = threading.Lock()
        self.wake.acquire()

    def rouse(self) -> None:
        with contextlib.suppress(RuntimeError):  # it is awake already, and looks again before it sleeps
            self.wake.release()


class OneWriter:
    """SQLite's one writer at a time: whoever finds nobody writing writes, for all that wait as well.

    A job is waited for by the thread that brought it. Nobody else is needed while nobody else writes, which saves two
    changes of thread; with many, one transaction serves them all and the next of them writes the next one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Job] = deque()
        self._writing = threading.Lock()
        self._writer = 0  # the thread that writes
        self._closed = False

    def run(self, fn: Callable[[Connection], T], durable: bool) -> T:
        if self._writer == threading.get_ident():
            raise RuntimeError("a write inside a write would wait for itself")
        if self._closed:
            raise StoreUnavailable("The server is stopping; try again in a few seconds.", retry_after=5)
        job = _Job(fn, durable)
        self._waiting.append(job)
        while not job.finished:
            if self._writing.acquire(blocking=False):
                self._write()
            else:
                job.wake.acquire()
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def close(self) -> None:
        """No further jobs; those that wait are still written."""
        self._closed = True
        limit = time.monotonic() + CLOSING_SECONDS
        while self._waiting and time.monotonic() < limit:
            time.sleep(0.01)
        if self._writing.acquire(timeout=CLOSING_SECONDS):
            self._writing.release()

    def _write(self) -> None:
        """One batch. Who came too late for it found the lock taken: after its release, the first of them is roused."""
        self._writer = threading.get_ident()
        batch: list[_Job] = []
        try:
            while self._waiting and len(batch) < BATCH:
                batch.append(self._waiting.popleft())
            if batch:
                self._commit(batch)
        except BaseException as error:  # this thread is to end: the others learn it
            for job in batch:
                job.error = error
            raise
        finally:
            for job in batch:
                job.finished = True
            self._writer = 0
            self._writing.release()
            for job in batch:
                job.rouse()
            with contextlib.suppress(IndexError):
                self._waiting[0].rouse()

    def _commit(self, batch: list[_Job]) -> None:
        failure: BaseException | None = None
        try:
            with self._database.writing(any(job.durable for job in batch)) as connection:
                for job in batch:
                    self._attempt(connection, job, alone=len(batch) == 1)
        except _Refused:
            pass  # the only job failed, and the transaction went with it
        except sa.exc.OperationalError as error:
            failure = away(error)
        except Exception as error:
            failure = error
        for job in batch:
            job.error = job.error or failure

    def _attempt(self, connection: Connection, job: _Job, *, alone: bool) -> None:
        if not alone:
            execute(connection, "SAVEPOINT job", ())
        try:
            job.result = job.fn(connection)
        except Exception as error:
            job.error = error
            if _in_trouble(error):
                job.error = away(error)
            if alone:
                raise _Refused from error
            execute(connection, "ROLLBACK TO job", ())
        if not alone:
            execute(connection, "RELEASE job", ())


def _in_trouble(error: Exception) -> bool:
    """Whether SQLite itself is in trouble: a full disk, one that fails, a file that is held or cannot be written."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return code & 0xFF in IN_TROUBLE


class _Refused(Exception):
    """Ends a transaction of one."""
