"""A PostgreSQL for one run: the system's binaries, a temporary folder, ended by its pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.processes import DidNotStart, free_port

USER = "parley"


class NoPostgres(Exception):
    """There are no PostgreSQL binaries here, or nobody to run them as."""


def _binaries() -> Path:
    """The newest installed binaries, or those on the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if found is None:
        raise NoPostgres("no initdb in /usr/lib/postgresql/*/bin or on the PATH")
    return Path(found).parent


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


class Cluster:
    """Every setting is PostgreSQL's own default, fsync too; only address and socket are ours."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._bin = _binaries()
        self._identity = _identity()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/{USER}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._folder.mkdir()
        if self._identity:
            os.chown(self._folder, self._identity["user"], self._identity["group"])
        data, log = self._folder / "data", self._folder / "log"
        self._run("initdb", "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder)]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(data), *address],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self._folder,
                **self._identity,
            )
        self._await_ready()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, USER)

    def stop(self) -> None:
        """The fast shutdown: clients are cut, nothing is lost."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)
        self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        done = subprocess.run(command, capture_output=True, cwd=self._folder, check=False, **self._identity)
        if done.returncode:
            raise DidNotStart(f"{program} failed: {done.stderr.decode(errors='replace')[-500:]}")

    def _await_ready(self, within: float = 30.0) -> None:
        question = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        until = time.monotonic() + within
        while subprocess.run(question, check=False).returncode:
            if time.monotonic() > until or (self._process and self._process.poll() is not None):
                self.stop()
                raise DidNotStart("PostgreSQL did not answer")
            time.sleep(0.05)
