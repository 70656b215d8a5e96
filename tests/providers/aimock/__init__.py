"""`@copilotkit/aimock`, a server that nobody here wrote, which speaks OpenAI, Anthropic, Gemini and Ollama.

Installed with npm from the lock beside this file (pinned, checked by its hash, no install scripts), once a machine,
into the temporary directory. Where node or npm is missing or old, or npm cannot install, the tests skip and say why;
AIMOCK=required makes that a failure, for a CI that has both.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

HERE = Path(__file__).parent
VERSION = "1.43.0"
OLDEST_NODE = (20, 15)


def absent(reason: str) -> None:
    if os.environ.get("AIMOCK") == "required":  # noqa: TID251
        pytest.fail(reason)
    pytest.skip(reason)


def installed() -> Path:
    """The package's folder. Several test processes may come at once: the first to finish wins."""
    uid = os.getuid() if hasattr(os, "getuid") else 0
    home = Path(tempfile.gettempdir()) / f"parley-aimock-{VERSION}-{uid}"
    script = home / "node_modules/@copilotkit/aimock/dist/cli.js"
    if script.is_file() and home.stat().st_uid == uid:
        return script
    with tempfile.TemporaryDirectory(prefix="parley-aimock-") as fresh:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, fresh)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
        try:
            done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            absent(f"npm could not install aimock: {type(error).__name__}")
        if done.returncode:
            absent(f"npm could not install aimock (exit {done.returncode})")
        try:
            os.rename(fresh, home)
            os.mkdir(fresh)  # for the context manager to remove
        except OSError:
            if not script.is_file() or home.stat().st_uid != uid:
                absent(f"{home} is in the way")
    return script


def check_node() -> None:
    if not shutil.which("node") or not shutil.which("npm"):
        absent("node and npm are needed for aimock")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST_NODE:
        absent(f"aimock needs node {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer, this is {said.strip()!r}")


@contextmanager
def running(key: str) -> Iterator[str]:
    """Its URL. Only `key` is let in, by whichever header its protocol uses."""
    check_node()
    command = ["node", str(installed()), "--port", "0", "--fixtures", str(HERE / "fixtures.json"), "--strict"]
    environment = {**os.environ, "AIMOCK_API_KEYS": key}  # noqa: TID251
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment) as server,
    ):
        try:
            yield _listening(server, out)
        finally:
            server.kill()


def _listening(server: subprocess.Popen[bytes], out: IO[str]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        # The position is the server's own too: it is left at the end.
        said = os.pread(out.fileno(), 10_000, 0).decode("utf-8", "replace")
        if found := re.search(r"http://127\.0\.0\.1:\d+", said):
            return found[0]
        time.sleep(0.02)
    pytest.fail("aimock did not start")
