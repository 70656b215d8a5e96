"""`@copilotkit/aimock`, a server that nobody here wrote, which speaks OpenAI, Anthropic, Gemini and Ollama.

Installed from the lock beside this file; see `tests.foreign`.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests import foreign

HERE = Path(__file__).parent


@contextmanager
def running(key: str) -> Iterator[str]:
    """Its URL. Only `key` is let in, by whichever header its protocol uses."""
    script = foreign.modules(HERE) / "@copilotkit/aimock/dist/cli.js"
    command = [str(foreign.node()), str(script), "--port", "0", "--fixtures", str(HERE / "fixtures.json")]
    environment = foreign.environment(AIMOCK_API_KEYS=key)
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen([*command, "--strict"], stdout=out, stderr=subprocess.STDOUT, env=environment) as server,
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
