"""Nothing is held while waiting: many open streams over a small pool and few threads, and everybody else is served."""

from __future__ import annotations

import contextlib
import re
import resource
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TEMPLATE, missing
from tests.server import Answer, EventStream, Server, call, running_server, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("held")
STREAMS = 500
POOL, THREADS = 10, 16
WAITERS = THREADS + 4  # more than there are threads; half of the threads may wait
SPARE = 6
FILES = STREAMS * 4 + 500
SETTINGS = {
    "DB_POOL_SIZE": str(POOL),
    "THREADS": str(THREADS),
    "MAX_STREAMS": str(STREAMS + WAITERS + SPARE),
    "DRAIN_SECONDS": "1",
}
LIMIT = 40.0  # seconds, for what takes some ten milliseconds


class Crowd:
    """An account with many streams open, each of a reply that has said its first word and waits for the next."""

    def __init__(self, server: Server, upstream: Upstream) -> None:
        self.server = server
        self.upstream = upstream
        self.person = server.person()
        self.person.openai("stall:1")
        self.streams: list[EventStream] = []
        self.events: list[Iterator[Any]] = []
        self.generations: list[str] = []

    def gather(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            self.streams = list(pool.map(lambda _: self._open(), range(STREAMS)))
        self.events = [iter(stream) for stream in self.streams]
        for events in self.events:
            _, kind, value = next(events)
            assert kind == "started"
            self.generations.append(value["generation_id"])
            assert next(events)[1:] == ("delta", {"text": "1 "})
        assert self.open == STREAMS

    def _open(self) -> EventStream:
        stream = self.person.stream(self.person.chat(), "hello")
        assert stream.status == 200
        return stream

    @property
    def open(self) -> int:
        text = call(self.server.port, "GET", "/metrics", timeout=LIMIT).body.decode()
        found = re.search(r"^parley_streams_open (\S+)$", text, re.MULTILINE)
        assert found is not None
        return int(float(found[1]))

    def serves(self) -> None:
        """What must always have a thread and a connection."""
        assert call(self.server.port, "GET", "/health", timeout=LIMIT).status == 200
        assert call(self.server.port, "GET", "/ready", timeout=LIMIT).status == 200
        assert self.person.call("GET", "/chats", timeout=LIMIT).status == 200
        login = {"username": "ann", "password": "ann has a long password"}
        assert call(self.server.port, "POST", "/auth/login", login, timeout=LIMIT).status == 200

    def disperse(self) -> None:
        for stream in self.streams:
            stream.close()


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        missing(f"{FILES} open files are needed, {hard} allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def database_url(kind: str, folder: Path, request: pytest.FixtureRequest, stack: contextlib.ExitStack) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/parley.db"
    url: str = stack.enter_context(request.getfixturevalue("postgres").database(TEMPLATE))
    return url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    folder = tmp_path_factory.mktemp("held")
    with contextlib.ExitStack() as stack:
        stack.enter_context(many_files())
        upstream = stack.enter_context(Upstream())
        url = database_url(request.param, folder, request, stack)
        server = running_server(url, folder, OPENAI_BASE_URL=f"{upstream.url}/v1", **SETTINGS)
        crowd = Crowd(stack.enter_context(server), upstream)
        crowd.gather()
        yield crowd
        crowd.disperse()


def test_everybody_else_is_served(crowd: Crowd) -> None:
    with ThreadPoolExecutor(POOL * 2) as pool:
        for each in [pool.submit(crowd.serves) for _ in range(POOL * 2)]:
            each.result()
    assert crowd.open == STREAMS, "all of them are still open"
    assert "QueuePool" not in crowd.server.log_path.read_text()


def test_whoever_waits_for_json_holds_no_thread_beyond_the_slots(crowd: Crowd) -> None:
    person, begun = crowd.person, crowd.upstream.requests
    chats = [person.chat() for _ in range(WAITERS)]

    def wait(chat: str) -> Answer:
        return person.call("POST", f"/chats/{chat}/messages", {"content": "hello"}, timeout=300)

    with ThreadPoolExecutor(WAITERS) as pool:
        waiting: list[Future[Answer]] = [pool.submit(wait, chat) for chat in chats]
        crowd.upstream.wait(lambda up: up.requests == begun + WAITERS, 60)
        until(lambda: crowd.open == STREAMS + WAITERS - THREADS // 2)
        crowd.serves()
        assert not any(each.done() for each in waiting)
        for chat in chats:
            generation = person.call("GET", f"/chats/{chat}", timeout=LIMIT).json["active_generation_id"]
            assert person.call("POST", f"/generations/{generation}/stop", {}, timeout=LIMIT).status == 200
        answers = [each.result() for each in waiting]
    assert [answer.status for answer in answers] == [201] * WAITERS
    assert {answer.json["message"]["content"] for answer in answers} == {"1 "}
    assert {answer.json["message"]["status"] for answer in answers} == {"stopped"}
    until(lambda: crowd.open == STREAMS)


def test_beyond_the_cap_is_refused_and_the_others_go_on(crowd: Crowd) -> None:
    person = crowd.person
    generation = crowd.generations[0]
    with contextlib.ExitStack() as stack:
        for _ in range(WAITERS + SPARE):
            assert stack.enter_context(person.follow(generation)).status == 200
        path = f"/generations/{generation}/events"
        one_more = person.call("GET", path)
        assert (one_more.status, one_more.json["code"]) == (503, "overloaded")
        assert int(one_more.headers["retry-after"]) > 0
        crowd.serves()
        assert person.call("POST", f"/generations/{generation}/stop", {}).status == 200
    until(lambda: crowd.open <= STREAMS)
    with person.follow(generation) as again:
        assert list(again)[-1][1] == "finished"


def test_each_of_them_gets_its_end(crowd: Crowd) -> None:
    """Runs last."""
    person = crowd.person
    for generation in crowd.generations:
        assert person.call("POST", f"/generations/{generation}/stop", {}, timeout=LIMIT).status == 200
    for events in crowd.events:
        assert list(events)[-1][2]["status"] == "stopped"
    until(lambda: crowd.open == 0)
