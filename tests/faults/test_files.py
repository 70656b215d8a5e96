"""No more files can be opened: what runs goes on, what comes waits, and it is over when there are files again."""

from __future__ import annotations

import os
import resource
import socket
import sys
from pathlib import Path

import pytest

from tests.server import call, running_server, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="another process's limits can be set on Linux only")
ALLOWED = 256


def test_at_the_limit_of_files(sqlite_url: str, tmp_path: Path) -> None:
    with running_server(sqlite_url, tmp_path) as server:
        ann = server.person("ann")
        chat = ann.chat()
        (worker,) = server.workers()
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (ALLOWED, ALLOWED))
        opened: list[socket.socket] = []
        with ann.stream(chat, "demo:count 400") as stream:
            events = iter(stream)
            next(events)
            for _ in range(ALLOWED + 50):
                opened.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            until(lambda: len(os.listdir(f"/proc/{worker}/fd")) >= ALLOWED - 1, what="the limit to be met")
            kinds = [kind for _, kind, _ in events]
        assert kinds[-1] == "finished"
        for one in opened:
            one.close()
        assert call(server.port, "GET", "/health").status == 200
        assert server.workers() == [worker], "nobody had to be killed"
        assert ann.messages(chat)[-1]["status"] == "complete"
