"""One Idempotency-Key, one message, one provider call; and exactly as many generations as the limit says."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.rate_limits.parts import clear_of_the_hours_end
from tests.server import Answer, Person, call, running_server
from tests.survival.parts import Pair, counting, ended, new_tag
from tests.upstream import Upstream

SENDS = 20


def at_once(count: int, places: list[Person], send: object) -> list[Answer]:
    """`send(person)` from `count` threads that start together, spread over the places."""
    start = threading.Barrier(count)

    def one(number: int) -> Answer:
        start.wait(60)
        return send(places[number % len(places)])  # type: ignore[operator,no-any-return]

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


@pytest.mark.parametrize("both", [False, True], ids=["one process", "two processes"])
def test_twenty_parallel_sends(pair: Pair, both: bool) -> None:
    ann = pair.person()
    chat, tag, key = ann.chat(), new_tag(), str(uuid.uuid4())
    places = [ann, pair.elsewhere(ann)] if both else [ann]
    before = pair.upstream.requests
    answers = at_once(SENDS, places, lambda person: person.send(chat, "once", key, model=counting(40, 10, tag)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["generation"]["id"] for answer in answers}) == 1
    assert [answer.headers.get("idempotent-replay") for answer in answers].count("true") == SENDS - 1
    generation = answers[0].json["generation"]["id"]
    assert ended(ann, generation)["status"] == "complete"
    assert pair.upstream.requests == before + 1
    assert pair.stored.said(chat) == ["once"]


def test_a_key_again(pair: Pair) -> None:
    ann = pair.person()
    chat, key, tag = ann.chat(), str(uuid.uuid4()), new_tag()
    there = pair.elsewhere(ann)
    first = ann.send(chat, "hello", key, model=counting(100, 10, tag))
    running = there.send(chat, "hello", key, model=counting(100, 10, tag))
    assert (running.status, running.headers.get("idempotent-replay")) == (202, "true")
    assert running.json["generation"]["id"] == first.json["generation"]["id"]
    other = there.send(chat, "something else", key, model=counting(100, 10, tag))
    assert other.status == 422, other.body
    elsewhere = ann.send(ann.chat(), "hello", key, model=counting(100, 10, tag))
    assert elsewhere.status == 422, elsewhere.body
    ended(ann, first.json["generation"]["id"])
    waited = there.call(
        "POST",
        f"/chats/{chat}/messages",
        {"content": "hello", "model": counting(100, 10, tag)},
        **{"Idempotency-Key": key},
    )
    assert (waited.status, waited.headers.get("idempotent-replay")) == (201, "true")
    assert waited.json["message"]["content"] == pair.upstream.sent(tag).text  # type: ignore[union-attr]
    assert pair.stored.said(chat) == ["hello"]
    ben = pair.person()
    assert ben.send(ben.chat(), "hello", key, model=counting(1, 0, new_tag())).status == 202  # a key is its user's own


@pytest.mark.parametrize(
    ("kind", "processes"), [("sqlite", 1), ("postgresql", 1), ("postgresql", 4)], ids=["sqlite-1", "pg-1", "pg-4"]
)
def test_the_generation_limit_is_exact(
    request: pytest.FixtureRequest, kind: str, processes: int, tmp_path: Path, upstream: Upstream
) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    settings = {
        "OPENAI_BASE_URL": f"{upstream.url}/v1",
        "GENERATION_LIMIT_PER_HOUR": "20",
        "WEB_CONCURRENCY": str(processes),
    }
    with running_server(url, tmp_path, **settings) as server:
        ann = server.person()
        ann.openai()
        chats = iter([ann.chat() for _ in range(50)])
        lock = threading.Lock()

        def send(person: Person) -> Answer:
            with lock:
                chat = next(chats)
            return person.send(chat, "hello", model=counting(1, 0, new_tag()))

        clear_of_the_hours_end(60)
        answers = at_once(50, [ann], send)
        assert sorted(answer.status for answer in answers) == [202] * 20 + [429] * 30
        refused = next(answer for answer in answers if answer.status == 429)
        assert int(refused.headers["retry-after"]) > 0
        for answer in answers:
            if answer.status == 202:
                assert ended(ann, answer.json["generation"]["id"])["status"] == "complete"
        assert upstream.requests == 20
        assert call(server.port, "GET", "/health").status == 200
