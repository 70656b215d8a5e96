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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from tests import canary

USER = "parley"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "listen_addresses=")


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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = binaries()
        self._identity = _identity()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

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
        settings = itertools.chain.from_iterable(("-c", setting) for setting in FAST)
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
                psycopg2.connect(dbname="postgres", user=USER, host=str(self.folder)).close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > until or (self._process and self._process.poll() is not None):
                    log = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {log[-1000:]}") from None
                time.sleep(0.02)

    def execute(self, statement: str) -> None:
        """Outside any transaction, in the database `postgres`."""
        connection = psycopg2.connect(dbname="postgres", user=USER, host=str(self.folder))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def psql(self, database: str, script: Path) -> None:
        """Run a file with the ordinary client."""
        command = [self._bin / "psql", "-X", "-q", "-h", self.folder, "-U", USER, "-d", database, "-f", script]
        subprocess.run(command, check=True, capture_output=True)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, a copy of `template`; dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
