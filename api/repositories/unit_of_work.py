"""One transaction: `Store.write(fn)` and `Store.read(fn)` hand `fn` a UnitOfWork whose attributes are the repositories.

PostgreSQL runs `fn` inline. On SQLite one thread at a time runs all that is waiting in one transaction, a SAVEPOINT
each, in order, and answers after COMMIT: no writer starves in the busy handler, and one disk flush serves many.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.db import Database
from api.domain.errors import Invalid, StoreUnavailable
from api.repositories.accounts import AccountRepository
from api.repositories.api_keys import ApiKeyRepository
from api.repositories.attachments import AttachmentRepository
from api.repositories.audit import AuditRepository
from api.repositories.budgets import BudgetRepository
from api.repositories.chats import ChatRepository
from api.repositories.folders import FolderRepository
from api.repositories.generation_events import GenerationEventRepository
from api.repositories.generations import GenerationRepository
from api.repositories.images import ImageRepository
from api.repositories.imports import ImportRepository
from api.repositories.instance import InstanceRepository
from api.repositories.messages import MessageRepository
from api.repositories.model_configs import ModelConfigRepository
from api.repositories.prices import PriceRepository
from api.repositories.processes import ProcessRepository
from api.repositories.prompts import PromptRepository
from api.repositories.search import SearchRepository
from api.repositories.sessions import SessionRepository
from api.repositories.slack import SlackRepository
from api.repositories.turns import TurnRepository
from api.repositories.usage import UsageRepository

T = TypeVar("T")
BATCH = 256
CLOSING_SECONDS = 30.0
AWAY = "The database cannot be reached at the moment; nothing was changed, try again in a few seconds."
IN_TROUBLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)
UNSTORABLE = "A text of the request holds the character NUL, which cannot be stored; remove it."
UNTRANSLATABLE = "22P05"
ATTEMPTS = 5
RETRYABLE = ("40001", "40P01")  # serialization failure, deadlock: PostgreSQL asks to try again


class UnitOfWork:
    """The repositories over one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @cached_property
    def accounts(self) -> AccountRepository:
        return AccountRepository(self.connection)

    @cached_property
    def sessions(self) -> SessionRepository:
        return SessionRepository(self.connection)

    @cached_property
    def api_keys(self) -> ApiKeyRepository:
        return ApiKeyRepository(self.connection)

    @cached_property
    def model_configs(self) -> ModelConfigRepository:
        return ModelConfigRepository(self.connection)

    @cached_property
    def chats(self) -> ChatRepository:
        return ChatRepository(self.connection)

    @cached_property
    def folders(self) -> FolderRepository:
        return FolderRepository(self.connection)

    @cached_property
    def messages(self) -> MessageRepository:
        return MessageRepository(self.connection)

    @cached_property
    def attachments(self) -> AttachmentRepository:
        return AttachmentRepository(self.connection)

    @cached_property
    def turns(self) -> TurnRepository:
        return TurnRepository(self.connection)

    @cached_property
    def generations(self) -> GenerationRepository:
        return GenerationRepository(self.connection)

    @cached_property
    def generation_events(self) -> GenerationEventRepository:
        return GenerationEventRepository(self.connection)

    @cached_property
    def imports(self) -> ImportRepository:
        return ImportRepository(self.connection)

    @cached_property
    def prompts(self) -> PromptRepository:
        return PromptRepository(self.connection)

    @cached_property
    def images(self) -> ImageRepository:
        return ImageRepository(self.connection)

    @cached_property
    def search(self) -> SearchRepository:
        return SearchRepository(self.connection)

    @property
    def processes(self) -> ProcessRepository:
        return ProcessRepository(self.connection)

    @cached_property
    def usage(self) -> UsageRepository:
        return UsageRepository(self.connection)

    @cached_property
    def audit(self) -> AuditRepository:
        return AuditRepository(self.connection)

    @cached_property
    def budgets(self) -> BudgetRepository:
        return BudgetRepository(self.connection)

    @cached_property
    def prices(self) -> PriceRepository:
        return PriceRepository(self.connection)

    @cached_property
    def slack(self) -> SlackRepository:
        return SlackRepository(self.connection)

    @cached_property
    def instance(self) -> InstanceRepository:
        return InstanceRepository(self.connection)


class Store:
    """Runs units of work. `durable=False` is for counters and events, whose last moment a power cut may take."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._writer = None if database.is_postgresql else _Writer(database)

    def write(self, fn: Callable[[UnitOfWork], T], *, durable: bool = True) -> T:
        """Run `fn` in one transaction; its result after COMMIT. Raises StoreUnavailable, Invalid for a text that
        PostgreSQL cannot hold, or what `fn` raises."""
        if self._writer is not None:
            return self._writer.run(fn, durable)
        with _storable():
            return self._write_or_again(fn)

    def _write_or_again(self, fn: Callable[[UnitOfWork], T]) -> T:
        for left in reversed(range(ATTEMPTS)):
            try:
                return self._write_inline(fn)
            except sa.exc.OperationalError as error:
                if not left or getattr(error.orig, "pgcode", None) not in RETRYABLE:
                    raise StoreUnavailable(AWAY, retry_after=2) from error
            except (sa.exc.TimeoutError, sa.exc.InterfaceError) as error:
                raise StoreUnavailable(AWAY, retry_after=2) from error
        raise AssertionError("the last attempt returns or raises")

    def _write_inline(self, fn: Callable[[UnitOfWork], T]) -> T:
        with self.database.durable.begin() as connection:
            return fn(UnitOfWork(connection))

    def read(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run `fn` without a transaction: each statement sees what is committed. Raises StoreUnavailable."""
        try:
            with _storable(), self.database.reader.connect() as connection:
                return fn(UnitOfWork(connection))
        except (sa.exc.OperationalError, sa.exc.TimeoutError, sa.exc.InterfaceError) as error:
            raise StoreUnavailable(AWAY, retry_after=2) from error

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self.database.dispose()


@contextlib.contextmanager
def _storable() -> Iterator[None]:
    """PostgreSQL holds no NUL, in no text and in no JSON; its driver says so of a text, the database of JSON."""
    try:
        yield
    except ValueError as error:
        if "NUL" not in str(error):
            raise
        raise Invalid(UNSTORABLE) from error
    except sa.exc.DataError as error:
        if getattr(error.orig, "pgcode", None) != UNTRANSLATABLE:
            raise
        raise Invalid(UNSTORABLE) from error


class _Job:
    """A unit of work that waits for its turn. `wake` is locked until there is news for its thread."""

    __slots__ = ("durable", "error", "finished", "fn", "result", "wake")

    def __init__(self, fn: Callable[[UnitOfWork], Any], durable: bool) -> None:
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


class _Writer:
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

    def run(self, fn: Callable[[UnitOfWork], T], durable: bool) -> T:
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
        engine = self._database.durable if any(job.durable for job in batch) else self._database.relaxed
        failure: BaseException | None = None
        try:
            with engine.begin() as connection:
                for job in batch:
                    self._attempt(connection, job, alone=len(batch) == 1)
        except _Refused:
            pass  # the only job failed, and the transaction went with it
        except sa.exc.OperationalError as error:
            failure = StoreUnavailable(AWAY, retry_after=2)
            failure.__cause__ = error
        except Exception as error:
            failure = error
        for job in batch:
            job.error = job.error or failure

    def _attempt(self, connection: Connection, job: _Job, *, alone: bool) -> None:
        if not alone:
            connection.exec_driver_sql("SAVEPOINT job")
        try:
            job.result = job.fn(UnitOfWork(connection))
        except Exception as error:
            job.error = error
            if _in_trouble(error):
                job.error = StoreUnavailable(AWAY, retry_after=2)
                job.error.__cause__ = error
            if alone:
                raise _Refused from error
            connection.exec_driver_sql("ROLLBACK TO job")
        if not alone:
            connection.exec_driver_sql("RELEASE job")


def _in_trouble(error: Exception) -> bool:
    """Whether SQLite itself is in trouble: a full disk, one that fails, a file that is held or cannot be written."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return code & 0xFF in IN_TROUBLE


class _Refused(Exception):
    """Ends a transaction of one."""
