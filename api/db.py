"""Engines and their settings, the schema's version, and the upgrade at start."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import QueuePool

MIGRATIONS = Path(__file__).resolve().parent.parent / "sql" / "migrations"
MIGRATION_LOCK = 0x7061_726C_6579_0001  # any constant of ours, for pg_advisory_lock
POSTGRESQL_OPTIONS = " ".join(
    f"-c {option}"
    for option in (
        "statement_timeout=15000",
        "lock_timeout=5000",
        "idle_in_transaction_session_timeout=30000",
        "TimeZone=UTC",
        "jit=off",  # no query here is worth compiling, and the costly functions of search look as if one were
    )
)
SQLITE_BUSY_SECONDS = 10.0
UNASKED_SECONDS = 1.0
KEPT_COPIES = 3


class SchemaError(Exception):
    """The database's schema and this code do not fit; one line for a person."""


class Database:
    """The engines of one database: `writer`, and `reader` without transactions. On PostgreSQL they share one pool."""

    def __init__(self, url: str | URL, pool_size: int = 10) -> None:
        self.url = make_url(url)
        self.is_postgresql = self.url.get_backend_name() == "postgresql"
        self._cut_at = -math.inf
        self._writing: Connection | None = None
        self._writing_lock = threading.Lock()  # there may be more than one store over this database
        self._full_sync = True  # what the writing connection is set to
        if self.is_postgresql:
            self.writer = self._postgresql(pool_size)
            self.reader: Engine = self.writer.execution_options(isolation_level="AUTOCOMMIT")
        else:
            self.writer = self._sqlite("FULL", 2)  # the one writer's connection, and one beside it
            self.reader = self._sqlite("NORMAL", pool_size, transactions=False)

    def _postgresql(self, pool_size: int) -> Engine:
        engine = sa.create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_recycle=1800,
            hide_parameters=True,
            json_serializer=_to_json,
            json_deserializer=_from_json,
            connect_args={"connect_timeout": 5, "options": POSTGRESQL_OPTIONS, "application_name": "parley"},
        )

        @event.listens_for(engine, "checkout")
        def _ask(connection: Any, record: Any, _fairy: object) -> None:
            """One that lay idle is asked whether it is still there; of one in use its next statement tells."""
            now = time.monotonic()
            used_at = record.info.get("used_at", math.inf)
            doubtful = now - used_at > UNASKED_SECONDS or used_at <= self._cut_at
            if doubtful and not _answers(engine, connection):
                raise sa.exc.DisconnectionError
            record.info["used_at"] = now

        return engine

    def give_up_if_cut(self, connection: Connection, error: sa.exc.DBAPIError) -> None:
        """Where it is the connection that broke: no more use of it, all others of its time are in doubt, and the
        error says so (`connection_invalidated`)."""
        driver: Any = None if connection.invalidated else connection.connection.dbapi_connection
        cut = self.is_postgresql and self.writer.dialect.is_disconnect(error.orig, driver, None)  # type: ignore[arg-type]
        if cut:
            self._cut_at = time.monotonic()
            connection.invalidate(error)
            error.connection_invalidated = True

    def _sqlite(self, synchronous: str, pool_size: int, *, transactions: bool = True) -> Engine:
        engine = sa.create_engine(
            self.url,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=0,
            hide_parameters=True,
            json_serializer=_to_json,
            json_deserializer=_from_json,
            connect_args={"timeout": SQLITE_BUSY_SECONDS},
        )
        pragmas = (f"synchronous={synchronous}", "foreign_keys=ON", "cache_size=-16000", "temp_store=MEMORY")

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # the driver's own BEGIN would lose updates
            _use_wal(connection)
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")

        if transactions:

            @event.listens_for(engine, "begin")
            def _begin(connection: Connection) -> None:
                execute(connection, "BEGIN IMMEDIATE", ())

        return engine

    @contextlib.contextmanager
    def writing(self, durable: bool) -> Iterator[Connection]:
        """A transaction on SQLite's one writing connection, which stays open: its pages remain in its cache. One
        thread at a time has it. Not `durable`: its last moment may be lost with the power."""
        with self._writing_lock:
            yield from self._written(durable)

    def _written(self, durable: bool) -> Iterator[Connection]:
        connection = self._writing = self._writing or self.writer.connect()
        try:
            if durable != self._full_sync:
                execute(connection, f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}", ())
                self._full_sync = durable
            transaction = connection.begin()
        except Exception:
            self._discard()
            raise
        try:
            with transaction:
                yield connection
        finally:
            if connection.invalidated or _is_open(connection):  # its ROLLBACK failed too
                self._discard()

    def _discard(self) -> None:
        connection, self._writing, self._full_sync = self._writing, None, True
        if connection is not None:
            connection.invalidate()
            connection.close()

    def listener(self) -> Any:
        """A PostgreSQL driver connection of its own, in autocommit, outside the pool: for LISTEN and locks."""
        import psycopg2

        positional, named = self.writer.dialect.create_connect_args(self.url)
        driver: Any = psycopg2.connect(*positional, **named, connect_timeout=5, application_name="parley-listener")
        driver.autocommit = True
        return driver

    def pool_in_use(self) -> int:
        """Connections checked out of the pool that requests use."""
        pool = self.reader.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    def dispose(self) -> None:
        with self._writing_lock:
            self._discard()
        for engine in (self.writer, self.reader):
            engine.dispose()


def _is_open(connection: Connection) -> bool:
    """Whether a transaction is, by the word of SQLite's driver: SQLAlchemy takes one for ended whose COMMIT failed."""
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.in_transaction)


def _answers(engine: Engine, connection: Any) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False


def _to_json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair, which the standard library writes as an escape
        return json.dumps(value)


def _from_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)


def _use_wal(connection: sqlite3.Connection) -> None:
    """The one PRAGMA that SQLite refuses at once, without waiting, while another process makes the same switch."""
    deadline = time.monotonic() + SQLITE_BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def execute(connection: Connection, text: str | bytes, parameters: Any, told: str = "") -> Any:
    """The driver's own cursor after a statement: a tenth of what SQLAlchemy's execution costs. Its errors are raised
    all the same, with the parameters hidden; `told` is the statement they name where `text` holds values."""
    dialect = connection.dialect
    cursor = connection.connection.cursor()
    for listener in connection.engine.dispatch.before_cursor_execute:  # ours are all the engine's
        listener(connection, cursor, told or text, parameters, None, False)
    try:
        cursor.execute(text, parameters)
    except dialect.loaded_dbapi.Error as error:
        base = dialect.loaded_dbapi.Error
        raise sa.exc.DBAPIError.instance(
            told or str(text), None, error, base, hide_parameters=True, dialect=dialect
        ) from error
    return cursor


def head_revision() -> str:
    """The newest migration that this code brings: files are named `<revision>_<what>.py`, in order."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_revision(database: Database) -> str | None:
    """The migration that the database is at, or None for an empty one."""
    with database.reader.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(database: Database, to: str | None = None) -> None:
    """Bring the schema up to date (or `to` a revision); processes that start together wait for one. A SQLite file is
    copied first. Raises SchemaError."""
    head = to or head_revision()
    try:
        _upgrade(database, head)
    except sa.exc.OperationalError as error:
        where = database.url.render_as_string(hide_password=True)
        raise SchemaError(f"the database {where} cannot be used: {str(error.orig).strip()}") from error


def _upgrade(database: Database, head: str) -> None:
    if current_revision(database) == head:
        return
    with _migration_lock(database):
        current = current_revision(database)
        if current is not None and current > head:
            raise SchemaError(f"the database is at schema {current}, newer than this code ({head}): upgrade Parley")
        if current != head:
            if current is not None and not database.is_postgresql:
                _copy_first(database, current)
            _run_migrations(database, head)


def _copy_first(database: Database, current: str) -> None:
    """A SQLite file as it was before the migration, beside it in `backups`; the newest few are kept."""
    path = Path(str(database.url.database))
    folder = path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"{path.stem}-schema-{current}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.db"
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        copy.chmod(0o600)
        source.backup(target)
    for old in sorted(folder.glob(f"{path.stem}-schema-*.db"), key=lambda file: file.stat().st_mtime)[:-KEPT_COPIES]:
        old.unlink()


def _run_migrations(database: Database, head: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with database.writer.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, head)


@contextlib.contextmanager
def _migration_lock(database: Database) -> Iterator[None]:
    if database.is_postgresql:
        connection = database.listener()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
                yield
        finally:
            connection.close()
        return
    path = database.url.database
    if not path or re.match(r":memory:|file:", path):
        yield
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.migrate.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
