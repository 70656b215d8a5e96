"""Three replicas behind the proxy: killed, restarted one after the other, and without their database for a while.

Skipped where nobody may do that to a stack: STACK_COMPOSE is the command that is `docker compose` for it, STACK_DOCKER
the one that is `docker` (docs/operations.md). Signs in ten times in five minutes, which is LOGIN_LIMIT: run it once.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.rate_limits.parts import clear_of_the_hours_end
from tests.server import events_of, until
from tests.stack.parts import COMPOSE, DEMO, DOCKER, URL, all_healthy, containers, healthy, run, somebody

GENERATIONS = int(os.environ.get("GENERATION_LIMIT_PER_HOUR", "100"))  # noqa: TID251
ENDINGS = ("finished", "error", "stopped", "interrupted")
pytestmark = [
    pytest.mark.skipif(not (URL and COMPOSE), reason="no stack to handle: set STACK_URL and STACK_COMPOSE"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module", autouse=True)
def _three() -> Iterator[None]:
    def scale(number: int) -> None:
        run(COMPOSE, "up", "--detach", "--no-build", "--no-recreate", "--no-deps", "--scale", f"api={number}", "api")
        until(all_healthy, 120, "healthy replicas")

    scale(3)
    time.sleep(3)  # the proxy asks for addresses every two seconds
    yield
    scale(1)


def request(method: str, path: str, headers: dict[str, str], body: Any = None, **more: str) -> tuple[int, Any]:
    """Status and body; 0 where nobody answered."""
    place = urlsplit(URL)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=40)
    try:
        sent = headers | {"Content-Type": "application/json"} | more
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def new_chat(headers: dict[str, str]) -> str:
    status, chat = request("POST", "/chats", headers, {})
    assert status == 201, chat
    return str(chat["id"])


def send(headers: dict[str, str], chat: str, text: str, key: str) -> int:
    body = {"content": text, "model": DEMO}
    more = {"Idempotency-Key": key, "Prefer": "respond-async"}
    return request("POST", f"/chats/{chat}/messages", headers, body, **more)[0]


def said(headers: dict[str, str], chat: str) -> list[str]:
    """All that the person said in a chat, read page by page."""
    texts: list[str] = []
    before, more = "", True
    while more:
        status, page = request("GET", f"/chats/{chat}/messages?limit=200{before}", headers)
        assert status == 200, page
        texts += [message["content"] for message in page["items"] if message["role"] == "user"]
        more = page["more"]
        before = f"&before={page['items'][0]['id']}" if more else ""
    return texts


class Load:
    """`do` again and again in some threads until the block ends; `(moment, what it gave)`."""

    def __init__(self, do: Callable[[int], Any], threads: int, pause: float) -> None:
        self.do, self.pause = do, pause
        self.done: list[tuple[float, Any]] = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]

    def _run(self, number: int) -> None:
        while not self.over.is_set():
            begun = time.monotonic()
            self.done.append((begun, self.do(number)))
            self.over.wait(max(0.0, self.pause - (time.monotonic() - begun)))

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)


def stream_to_its_end(headers: dict[str, str], chat: str, text: str) -> list[str]:
    """The kinds of its events; a line that is cut is taken up again after the last event, as clients do."""
    status, sent = request(
        "POST", f"/chats/{chat}/messages", headers, {"content": text, "model": DEMO}, Prefer="respond-async"
    )
    assert status == 202, sent
    generation, last, kinds = sent["generation"]["id"], 0, []
    place, limit = urlsplit(URL), time.monotonic() + 240
    while time.monotonic() < limit:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        try:
            connection.request("GET", f"/generations/{generation}/events?after={last}", None, headers)
            answer = connection.getresponse()
            if answer.status == 200:
                for number, kind, _ in events_of(answer):
                    last = number or last
                    kinds.append(kind)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        if kinds and kinds[-1] in ENDINGS:
            return kinds
        time.sleep(0.5)
    return kinds


def test_limits_are_exact_across_replicas() -> None:
    headers = somebody()
    chats = [new_chat(headers) for _ in range(GENERATIONS + 20)]
    clear_of_the_hours_end(120)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda chat: send(headers, chat, "demo:fast hi", uuid.uuid4().hex), chats))
    assert found.count(202) == GENERATIONS
    assert found.count(429) == 20


def test_a_killed_replica_loses_nothing_that_was_acknowledged() -> None:
    headers = somebody()
    chats = {number: new_chat(headers) for number in range(6)}
    kept: dict[int, list[str]] = {number: [] for number in chats}

    def work(number: int) -> int:
        if number >= 4:
            return request("GET", "/chats", headers)[0]
        text = f"demo:fast {number} {len(kept[number])}"
        status = send(headers, chats[number], text, uuid.uuid4().hex)
        if status == 202:
            kept[number].append(text)
        return 200 if status in (202, 409, 429) else status  # busy and over the limit are answers, not faults

    with Load(work, 6, 0.5) as load:
        time.sleep(4)
        run(DOCKER, "kill", containers()[0])
        killed = time.monotonic()
        time.sleep(15)
    later = [status for moment, status in load.done if moment > killed + 5]
    assert len(later) > 60
    assert sum(status != 200 for status in later) < len(later) / 100, f"{[s for s in later if s != 200]}"
    for number, texts in kept.items():
        assert set(texts) <= set(said(headers, chats[number]))
    run(COMPOSE, "up", "--detach", "--no-build", "--no-recreate", "--no-deps", "--scale", "api=3", "api")
    until(all_healthy, 120, "the third replica")


def test_a_rolling_restart_is_seen_by_nobody() -> None:
    headers, sent = somebody(), {}
    chat_of = {number: new_chat(headers) for number in range(4)}

    def work(number: int) -> int:
        if number >= 4:
            return request("GET", "/chats?limit=1", headers)[0]
        text, key = f"demo:fast {uuid.uuid4().hex}", uuid.uuid4().hex
        for _ in range(60):  # as a client does: the same key until there is an answer
            status = send(headers, chat_of[number], text, key)
            if status in (202, 200):
                sent.setdefault(number, []).append(text)
            if status in (202, 200, 429):
                return 200
            time.sleep(0.5)
        return status

    with ThreadPoolExecutor(20) as pool:
        owners = [headers] * 20
        streams = [pool.submit(stream_to_its_end, owner, new_chat(owner), "demo:slow demo:long go") for owner in owners]
        with Load(work, 24, 0.44) as load:  # some 50 requests a second, also where one takes 0.4 s
            time.sleep(2)
            for container in containers():
                run(DOCKER, "restart", "--time", "60", container)
                until(lambda container=container: healthy(container), 120, "a restarted replica")
                time.sleep(3)
        kinds = [stream.result(300) for stream in streams]
    failed = [status for _, status in load.done if status != 200]
    begun = [moment for moment, _ in load.done]
    print(f"{len(begun) / (max(begun) - min(begun)):.0f} requests a second, {len(begun)} in all")
    assert not failed, f"{len(failed)} of {len(load.done)} requests failed: {failed[:10]}"
    for number, texts in sent.items():
        found = said(headers, chat_of[number])
        assert all(found.count(text) == 1 for text in texts)
    assert all(one[-1] in ENDINGS for one in kinds), [one[-3:] for one in kinds]


def test_the_database_restarts_in_mid_stream() -> None:
    headers = somebody()
    chat = new_chat(headers)
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(stream_to_its_end, headers, chat, "demo:slow demo:count 60")
        time.sleep(4)
        run(DOCKER, "restart", *containers("db"))
        kinds = reply.result(200)
    assert kinds[-1] == "finished"
    assert kinds.count("delta") >= 1
    until(lambda: request("GET", f"/chats/{chat}", headers)[0] == 200, 60, "the database")
    _, found = request("GET", f"/chats/{chat}", headers)
    assert found["messages"][-1]["content"].split() == [str(number) for number in range(1, 61)]


def test_without_its_database_it_says_so_and_comes_back() -> None:
    headers = somebody()
    (database,) = containers("db")
    run(DOCKER, "stop", database)
    try:
        until(lambda: request("GET", "/ready", {})[0] == 503, 60, "readiness to say so")
        place = urlsplit(URL)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=40)
        connection.request("GET", "/chats", None, headers)
        answer = connection.getresponse()
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert json.loads(answer.read())["code"] == "store_unavailable"
        connection.close()
        assert request("GET", "/health", {})[0] == 200
    finally:
        run(DOCKER, "start", database)
    until(lambda: request("GET", "/chats", headers)[0] == 200, 120, "its coming back")
    until(all_healthy, 120, "healthy replicas")
