"""SIGTERM: what can end in time ends, the rest keeps its text and says so, and nothing is left to recover."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server import Answer, Server, call, running_server, until
from tests.survival.parts import LONG, Reader, Stored, assert_whole, counting, join, new_tag
from tests.upstream import Upstream


def refused(server: Server) -> bool:
    """Whether nobody takes new connections any more."""
    try:
        call(server.port, "GET", "/ready", timeout=10)
    except ConnectionError:
        return True
    return False


def opened(pids: list[int], path: Path) -> bool:
    """Whether one of the processes has the file open."""
    links = (link for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir())
    try:
        return any(os.path.samefile(link, path) for link in links)
    except OSError:  # one was closed meanwhile
        return False


def ready(connection: http.client.HTTPConnection) -> int:
    """The status of /ready, asked over a connection that is kept."""
    connection.request("GET", "/ready")
    response = connection.getresponse()
    response.read()
    return response.status


CASES = [("sqlite", 1), ("postgresql", 2), *([("postgresql", 1)] if LONG else [])]


@pytest.mark.parametrize(("kind", "processes"), CASES)
def test_sigterm_with_open_streams(
    request: pytest.FixtureRequest, kind: str, processes: int, tmp_path: Path, upstream: Upstream
) -> None:
    database_url: str = request.getfixturevalue(f"{kind}_url")
    stored = Stored(database_url)
    settings = {
        "OPENAI_BASE_URL": f"{upstream.url}/v1",
        "DRAIN_SECONDS": "4",
        "WEB_CONCURRENCY": str(processes),
    }
    with running_server(database_url, tmp_path, **settings) as server, ThreadPoolExecutor(1) as threads:
        assert server.process is not None
        ann = server.person()
        ann.openai()
        models = {
            name: f"openai/{model}#{new_tag()}" for name, model in (("short", "count:40:10"), ("long", "stall:5"))
        }
        tags = [model.partition("#")[2] for model in models.values()]
        lines = {name: Reader(ann.stream(ann.chat(), "go", model=model)) for name, model in models.items()}
        waiting_tag = new_tag()
        content = {"content": "go", "model": f"openai/stall:5#{waiting_tag}"}
        waiter = threads.submit(ann.call, "POST", f"/chats/{ann.chat()}/messages", content)
        upstream.wait(lambda up: all((sent := up.sent(tag)) and sent.tokens for tag in [*tags, waiting_tag]), 60)

        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        assert ready(kept) == 200
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError, http.client.HTTPException):  # a slow machine may have closed it by now
            until(lambda: ready(kept) == 503, what="/ready to turn")
        kept.close()
        until(lambda: refused(server), what="new connections to be refused")
        short, long = lines["short"].wait(), lines["long"].wait()
        answer: Answer = waiter.result(60)
        assert server.process.wait(60) == 0, server.log()

        assert_whole(short, upstream.sent(tags[0]).text, "complete")  # type: ignore[union-attr]
        assert_whole(long, "1 2 3 4 5 ", "interrupted")
        assert answer.status == 201
        assert answer.json["generation"]["status"] == "interrupted"
        assert answer.json["message"]["content"] == "1 2 3 4 5 "
        assert upstream.active == 0

        generation = long[0][2]["generation_id"]
        before = stored.everything_of(generation)
        assert stored.active() == 0
        assert stored.processes() == set()
        server.start()
        assert list(join(ann, generation)) == long
        assert stored.everything_of(generation) == before
        assert ann.send(before[0].chat_id, "go on", model=counting(1, 0, new_tag())).status == 202
    stored.close()


def test_without_streams_it_ends_at_once(sqlite_url: str, tmp_path: Path) -> None:
    """The grace is for replies: an idle server does not wait for it, and asking twice does no harm."""
    with running_server(sqlite_url, tmp_path, DRAIN_SECONDS="600") as server:
        assert server.process is not None
        # Well before the end: an interpreter that is being taken down hears no signal, and dies of it.
        again = threading.Timer(0.02, server.process.send_signal, (signal.SIGTERM,))
        again.start()
        assert server.terminate() == 0
        again.join()


def test_a_worker_that_is_told_to_end_while_it_starts(tmp_path: Path) -> None:
    """It waits for the lock of the upgrade, which somebody else holds; it goes quietly, and another takes its place."""
    server = Server(f"sqlite:///{tmp_path}/parley.db", tmp_path)
    lock = tmp_path / "parley.db.migrate.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        server.launch()
        until(lambda: opened(server.workers(), lock), what="the worker to wait for the lock")
        (first,) = server.workers()
        os.kill(first, signal.SIGTERM)
    server.healthy()
    assert first not in server.workers()
    assert server.terminate() == 0, server.log()
    assert "Traceback" not in server.log()
