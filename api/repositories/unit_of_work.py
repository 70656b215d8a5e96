"""One transaction: `Store.write(fn)` and `Store.read(fn)` hand `fn` a UnitOfWork whose attributes are the repositories.

PostgreSQL runs `fn` inline, SQLite by its one writer (`one_writer.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar

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
from api.repositories.one_writer import AWAY, OneWriter
from api.repositories.prices import PriceRepository
from api.repositories.processes import ProcessRepository
from api.repositories.prompts import PromptRepository
from api.repositories.search import SearchRepository
from api.repositories.search_pending import SearchPendingRepository
from api.repositories.sessions import SessionRepository
from api.repositories.slack import SlackRepository
from api.repositories.turns import TurnRepository
from api.repositories.usage import UsageRepository

T = TypeVar("T")
UNSTORABLE = "A text of the request holds the character NUL, which cannot be stored; remove it."
UNTRANSLATABLE = "22P05"
ATTEMPTS = 5
RETRYABLE = ("40001", "40P01")  # serialization failure, deadlock: PostgreSQL asks to try again
CUT = (sa.exc.OperationalError, sa.exc.InterfaceError)


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
    def search_pending(self) -> SearchPendingRepository:
        return SearchPendingRepository(self.connection)

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


class _Again(Exception):
    """The transaction is undone, and may be made anew."""


class Store:
    """Runs units of work. `durable=False` is for counters and events, whose last moment a power cut may take."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._writer = None if database.is_postgresql else OneWriter(database)

    def write(self, fn: Callable[[UnitOfWork], T], *, durable: bool = True) -> T:
        """Run `fn` in one transaction; its result after COMMIT. Raises StoreUnavailable, Invalid for a text that
        PostgreSQL cannot hold, or what `fn` raises."""
        if self._writer is not None:
            return self._writer.run(lambda connection: fn(UnitOfWork(connection)), durable)
        with _storable():
            return self._write_or_again(fn)

    def _write_or_again(self, fn: Callable[[UnitOfWork], T]) -> T:
        for left in reversed(range(ATTEMPTS)):
            try:
                return self._write_inline(fn)
            except _Again as error:
                if not left:
                    raise StoreUnavailable(AWAY, retry_after=2) from error
            except sa.exc.OperationalError as error:
                if not left or getattr(error.orig, "pgcode", None) not in RETRYABLE:
                    raise StoreUnavailable(AWAY, retry_after=2) from error
            except (sa.exc.TimeoutError, sa.exc.InterfaceError) as error:
                raise StoreUnavailable(AWAY, retry_after=2) from error
        raise AssertionError("the last attempt returns or raises")

    def _write_inline(self, fn: Callable[[UnitOfWork], T]) -> T:
        with self.database.durable.begin() as connection:
            return self._run(fn, connection)  # what breaks behind this may have been committed

    def read(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run `fn` without a transaction: each statement sees what is committed. Raises StoreUnavailable."""
        try:
            with _storable():
                try:
                    return self._read_once(fn)
                except _Again:
                    return self._read_once(fn)
        except (_Again, sa.exc.OperationalError, sa.exc.TimeoutError, sa.exc.InterfaceError) as error:
            raise StoreUnavailable(AWAY, retry_after=2) from error

    def _read_once(self, fn: Callable[[UnitOfWork], T]) -> T:
        with self.database.reader.connect() as connection:
            return self._run(fn, connection)

    def _run(self, fn: Callable[[UnitOfWork], T], connection: Connection) -> T:
        """Raises _Again where the connection breaks."""
        try:
            return fn(UnitOfWork(connection))
        except CUT as error:
            if self.database.gave_up(connection, error):
                raise _Again from error
            raise

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
