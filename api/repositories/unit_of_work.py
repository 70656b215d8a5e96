"""One transaction: `Store.write(fn)` and `Store.read(fn)` hand `fn` a UnitOfWork whose attributes are the repositories.

PostgreSQL runs `fn` inline. On SQLite one fair writer thread a process runs what is waiting in one transaction, a
SAVEPOINT each, and answers after COMMIT: no writer starves in the busy handler, and one disk flush serves many.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.db import Database
from api.domain.errors import StoreUnavailable
from api.repositories.accounts import AccountRepository
from api.repositories.api_keys import ApiKeyRepository
from api.repositories.chats import ChatRepository
from api.repositories.generation_events import GenerationEventRepository
from api.repositories.generations import GenerationRepository
from api.repositories.instance import InstanceRepository
from api.repositories.messages import MessageRepository
from api.repositories.model_configs import ModelConfigRepository
from api.repositories.processes import ProcessRepository
from api.repositories.sessions import SessionRepository
from api.repositories.turns import TurnRepository

T = TypeVar("T")
BATCH = 256
AWAY = "The database cannot be reached at the moment; nothing was changed, try again in a few seconds."
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
    def messages(self) -> MessageRepository:
        return MessageRepository(self.connection)

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
    def processes(self) -> ProcessRepository:
        return ProcessRepository(self.connection)

    @cached_property
    def instance(self) -> InstanceRepository:
        return InstanceRepository(self.connection)


class Store:
    """Runs units of work. `durable=False` is for counters and events, whose last moment a power cut may take."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._writer = None if database.is_postgresql else _Writer(database)

    def write(self, fn: Callable[[UnitOfWork], T], *, durable: bool = True) -> T:
        """Run `fn` in one transaction; its result after COMMIT. Raises StoreUnavailable, or what `fn` raises."""
        if self._writer is not None:
            return self._writer.run(fn, durable)
        try:
            return self._write_inline(fn)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in RETRYABLE:
                raise StoreUnavailable(AWAY, retry_after=2) from error
            return self._write_inline(fn)
        except (sa.exc.TimeoutError, sa.exc.InterfaceError) as error:
            raise StoreUnavailable(AWAY, retry_after=2) from error

    def _write_inline(self, fn: Callable[[UnitOfWork], T]) -> T:
        with self.database.durable.begin() as connection:
            return fn(UnitOfWork(connection))

    def read(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run `fn` without a transaction: each statement sees what is committed. Raises StoreUnavailable."""
        try:
            with self.database.reader.connect() as connection:
                return fn(UnitOfWork(connection))
        except (sa.exc.OperationalError, sa.exc.TimeoutError, sa.exc.InterfaceError) as error:
            raise StoreUnavailable(AWAY, retry_after=2) from error

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self.database.dispose()


@dataclass(slots=True)
class _Job:
    fn: Callable[[UnitOfWork], Any]
    durable: bool
    future: Future[Any]
    result: Any = None
    error: BaseException | None = None


class _Writer:
    """SQLite's one writer thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._started = threading.Lock()
        self._closed = False

    def run(self, fn: Callable[[UnitOfWork], T], durable: bool) -> T:
        if threading.current_thread() is self._thread:
            raise RuntimeError("a write inside a write would wait for itself")
        if self._closed:
            raise StoreUnavailable("The server is stopping; try again in a few seconds.", retry_after=5)
        if not self._thread.is_alive():
            self._start()
        job = _Job(fn, durable, Future())
        self._jobs.put(job)
        result: T = job.future.result()
        return result

    def _start(self) -> None:
        with self._started:
            if not self._thread.is_alive():
                self._thread.start()

    def close(self) -> None:
        self._closed = True
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(30)

    def _serve(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = [first]
            last = False
            while len(batch) < BATCH and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    last = True
                    break
                batch.append(job)
            self._commit(batch)
            if last:
                return

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
            if error_of_job := job.error or failure:
                job.future.set_exception(error_of_job)
            else:
                job.future.set_result(job.result)

    def _attempt(self, connection: Connection, job: _Job, *, alone: bool) -> None:
        if not alone:
            connection.exec_driver_sql("SAVEPOINT job")
        try:
            job.result = job.fn(UnitOfWork(connection))
        except Exception as error:
            job.error = error
            if alone:
                raise _Refused from error
            connection.exec_driver_sql("ROLLBACK TO job")
        if not alone:
            connection.exec_driver_sql("RELEASE job")


class _Refused(Exception):
    """Ends a transaction of one."""
