"""A PostgreSQL of our own: made with the system's binaries in a short temporary folder, ended by its pid.

It listens on a Unix socket in that folder only, so parallel runs cannot meet on a port.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from tests import canary

USER = "parley"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "listen_addresses=")

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"

# Every row of the catalogue that a change of the schema would write anew, and the migration.
SCHEMA = """
    SELECT (SELECT md5(string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid)) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace),
           (SELECT md5(string_agg(concat(attrelid, ' ', attnum, ' ', xmin), ',' ORDER BY attrelid, attnum))
            FROM pg_attribute WHERE attrelid >= 16384),
           (SELECT md5(string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid)) FROM pg_constraint WHERE oid >= 16384),
           (SELECT md5(string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid)) FROM pg_trigger WHERE oid >= 16384),
           (SELECT md5(string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid)) FROM pg_proc WHERE oid >= 16384),
           (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_extension),
           (SELECT string_agg(version_num, ',') FROM alembic_version)"""
EMPTY = """
    SET session_replication_role = replica;  -- whatever refers to whatever
    DO $$ DECLARE one regclass; BEGIN
        FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                   AND relname <> 'alembic_version' LOOP
            EXECUTE format('DELETE FROM %s', one);
        END LOOP;
    END $$"""


class NoPostgres(Exception):
    """There are no PostgreSQL binaries here, or nobody to run them as."""


def binaries() -> Path:
    """Those on the PATH, or the newest installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not installed:
        raise NoPostgres("no initdb on the PATH or in /usr/lib/postgresql/*/bin")
    return installed[-1].parent


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then as `postgres`, or as `nobody`."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoPostgres("PostgreSQL does not run as root, and there is no other user to run it as")


def _tied() -> list[str]:
    """What to start the server with so that a killed test run leaves none behind (Linux only)."""
    return ["setpriv", "--pdeathsig", "QUIT"] if sys.platform == "linux" and shutil.which("setpriv") else []


class Cluster:
    """`url(name)` is a database of it; `stop` and `start` again is a restart."""

    def __init__(self, folder: Path, settings: Sequence[str] = FAST, port: int = 5432) -> None:
        self.folder = folder
        self.port = port
        self._settings = settings
        self._bin = binaries()
        self._identity = _identity()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._free: dict[str, list[str]] = defaultdict(list)  # by template
        self._schemas: dict[str, str] = {}

    def url(self, name: str) -> str:
        return f"postgresql+psycopg2://{USER}@/{name}?host={self.folder}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def create(self) -> None:
        if self._identity:
            os.chown(self.folder, self._identity["user"], self._identity["group"])
        command = [self._bin / "initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "-N"]
        command += ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._identity)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        settings = itertools.chain.from_iterable(("-c", setting) for setting in (f"port={self.port}", *self._settings))
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_tied(), self._bin / "postgres", "-D", self._data, "-k", self.folder, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._identity,
            )
        self._await_ready()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT cuts clients and loses nothing; SIGQUIT is a crash."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _await_ready(self, within: float = 60.0) -> None:
        until = time.monotonic() + within
        while True:
            try:
                self._connect("postgres").close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > until or (self._process and self._process.poll() is not None):
                    log = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {log[-1000:]}") from None
                time.sleep(0.02)

    def execute(self, statement: str) -> None:
        """Outside any transaction, in the database `postgres`."""
        with self.connected("postgres") as cursor:
            cursor.execute(statement)

    def psql(self, database: str, script: Path) -> None:
        """Run a file with the ordinary client."""
        command = [self._bin / "psql", "-X", "-q", "-h", self.folder, "-U", USER, "-d", database, "-f", script]
        subprocess.run(command, check=True, capture_output=True)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, a copy of `template`; dropped afterwards."""
        name = self._copy(template)
        try:
            yield self.url(name)
        finally:
            self._drop(name)

    @contextmanager
    def lent(self, template: str) -> Iterator[str]:
        """The URL of a database as `template` is: one that was lent before and emptied again, which takes a tenth of
        the time that another copy would; whoever changed its schema had it last."""
        name = self._free[template].pop() if self._free[template] else self._copy(template)
        try:
            yield self.url(name)
        finally:
            if self._emptied(name, template):
                self._free[template].append(name)
            else:
                self._drop(name)

    def _copy(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return name

    def _drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _emptied(self, name: str, template: str) -> bool:
        """Whether it is as its template again, but for what the planner knows."""
        with self.connected(name) as cursor:
            self._cut_all(cursor, name)
            if _schema(cursor) != self._schema_of(template):
                return False
            cursor.execute(EMPTY)
            return True

    def _schema_of(self, template: str) -> str:
        if template not in self._schemas:
            with self.connected(template) as cursor:
                self._schemas[template] = _schema(cursor)
        return self._schemas[template]

    @staticmethod
    def _cut_all(cursor: Any, name: str) -> None:
        """Ends what a killed server left, and waits until it has gone."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            cursor.execute(OTHERS, (name,))
            if not cursor.fetchall():
                return
            time.sleep(0.01)
        raise RuntimeError(f"somebody stays in {name}")

    def _connect(self, name: str) -> Any:
        return psycopg2.connect(dbname=name, user=USER, host=str(self.folder), port=self.port)

    @contextmanager
    def connected(self, name: str) -> Iterator[Any]:
        """A cursor outside any transaction."""
        connection = self._connect(name)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


def _schema(cursor: Any) -> str:
    try:
        cursor.execute(SCHEMA)
    except psycopg2.errors.UndefinedTable:  # a test made a database of no migration
        return ""
    return str(cursor.fetchone())


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A cluster for the length of the block. Raises NoPostgres."""
    parent = "/tmp" if Path("/tmp").is_dir() else None  # a socket's path has at most 107 characters
    folder = Path(tempfile.mkdtemp(prefix="parley-pg-", dir=parent))
    cluster = None
    try:
        cluster = Cluster(folder)
        cluster.create()
        cluster.start()
        yield cluster
        canary.check_file(folder / "log")
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
