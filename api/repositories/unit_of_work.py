"""One transaction: `Store.write(fn)` and `Store.read(fn)` hand `fn` a UnitOfWork whose attributes are the repositories.

PostgreSQL runs `fn` inline, SQLite by its one writer (`one_writer.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from api.db import Database
from api.domain.errors import Invalid, OutcomeUnknown, StoreUnavailable
from api.repositories.accounts import AccountRepository
from api.repositories.api_keys import ApiKeyRepository
from api.repositories.attachments import AttachmentRepository
from api.repositories.audit import AuditRepository
from api.repositories.avatars import AvatarRepository
from api.repositories.budgets import BudgetRepository
from api.repositories.chats import ChatRepository
from api.repositories.folders import FolderRepository
from api.repositories.generation_events import GenerationEventRepository
from api.repositories.generations import GenerationRepository
from api.repositories.images import ImageRepository
from api.repositories.imports import ImportRepository
from api.repositories.instance import InstanceRepository
from api.repositories.kept_keys import KeptKeyRepository
from api.repositories.messages import MessageRepository
from api.repositories.model_configs import ModelConfigRepository
from api.repositories.one_writer import TROUBLE, OneWriter, away
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
WRITES, READS = 5, 2  # attempts
COMING_BACK_SECONDS = 15.0
COMMITTING_SECONDS = 1.0  # a COMMIT whose line is cut may still be under way
UNANSWERED = "The database went away while this was being stored; look whether it is there before you try again."
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
    def avatars(self) -> AvatarRepository:
        return AvatarRepository(self.connection)

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
    def kept_keys(self) -> KeptKeyRepository:
        return KeptKeyRepository(self.connection)

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

    @cached_property
    def search_pending(self) -> SearchPendingRepository:
        return SearchPendingRepository(self.connection)

    @cached_property
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


class _Unanswered(Exception):
    """The connection broke at COMMIT: `result` may be stored or not."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class Store:
    """Runs units of work.

    A function of its caller's may run several times, where PostgreSQL asks for that or a connection breaks before
    COMMIT: it changes nothing but the database, and what it finds goes out as its result.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._writer = None if database.is_postgresql else OneWriter(database)

    def write(
        self,
        fn: Callable[[UnitOfWork], T],
        *,
        durable: bool = True,
        landed: Callable[[UnitOfWork, T], bool] | None = None,
    ) -> T:
        """Run `fn` in one transaction; its result after COMMIT.

        Not `durable`: a power cut may take it, which is for what is done again or counts little. `landed` tells
        whether a result is stored; it is asked where the connection broke at COMMIT, when nobody knows. Raises
        StoreUnavailable, OutcomeUnknown, Invalid for a text that PostgreSQL cannot hold, or what `fn` raises.
        """
        if self._writer is not None:
            return self._writer.run(lambda connection: fn(UnitOfWork(connection)), durable)
        try:
            return _attempts(WRITES, lambda: self._write_once(fn))
        except _Unanswered as cut:
            result: T = cut.result
            if landed is None or not self._found(result, landed):
                raise OutcomeUnknown(UNANSWERED) from cut
            return result

    def _write_once(self, fn: Callable[[UnitOfWork], T]) -> T:
        with self.database.writer.begin() as connection:
            result = self._run(fn, connection)
            try:
                connection.commit()
            except CUT as error:
                self.database.give_up_if_cut(connection, error)
                if error.connection_invalidated:
                    raise _Unanswered(result) from error
                raise
            return result

    def _found(self, result: T, landed: Callable[[UnitOfWork, T], bool]) -> bool:
        began = time.monotonic()
        while True:
            passed = time.monotonic() - began
            try:
                if self.read(lambda work: landed(work, result)):
                    return True
                if passed > COMMITTING_SECONDS:
                    return False
            except StoreUnavailable:
                if passed > COMING_BACK_SECONDS:
                    return False
            time.sleep(0.2)

    def read(self, fn: Callable[[UnitOfWork], T]) -> T:
        """Run `fn` without a transaction: each statement sees what is committed. Raises StoreUnavailable."""
        return _attempts(READS, lambda: self._read_once(fn))

    def _read_once(self, fn: Callable[[UnitOfWork], T]) -> T:
        with self.database.reader.connect() as connection:
            return self._run(fn, connection)

    def _run(self, fn: Callable[[UnitOfWork], T], connection: Connection) -> T:
        try:
            return fn(UnitOfWork(connection))
        except CUT as error:
            self.database.give_up_if_cut(connection, error)
            raise

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self.database.dispose()


def _attempts(most: int, attempt: Callable[[], T]) -> T:
    """Its result, after at most so many. Raises StoreUnavailable, and Invalid for what cannot be stored."""
    try:
        while True:
            most -= 1
            try:
                return attempt()
            except CUT as error:
                if not (most and _is_undone(error)):
                    raise
    except TROUBLE as error:
        raise away(error) from error
    except ValueError as error:  # PostgreSQL holds no NUL: of a text its driver says so, of JSON the database
        if "NUL" not in str(error):
            raise
        raise Invalid(UNSTORABLE) from error
    except sa.exc.DataError as error:
        if getattr(error.orig, "pgcode", None) != UNTRANSLATABLE:
            raise
        raise Invalid(UNSTORABLE) from error


def _is_undone(error: sa.exc.DBAPIError) -> bool:
    """Whether nothing is left of the attempt, and another one may do better."""
    return error.connection_invalidated or getattr(error.orig, "pgcode", None) in RETRYABLE
