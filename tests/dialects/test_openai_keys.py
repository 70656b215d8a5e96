"""An Idempotency-Key on a call of /v1 whose answer is not kept: made once, and again where it failed."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from tests.dialects.people import with_vectors
from tests.server import Answer, Person, Server, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("openai-dialect")
HELLO = [{"role": "user", "content": "hello you"}]


@pytest.fixture(scope="module")
def kim(server: Server) -> Person:
    return with_vectors(server.person("kim"))


def complete(person: Person, key: str, model: str, **body: Any) -> Answer:
    asked = {"model": f"openai/{model}", "messages": HELLO} | body
    return person.call("POST", "/v1/chat/completions", asked, **{"Idempotency-Key": key})


def calls(person: Person) -> int:
    return sum(used["calls"] for used in person.call("GET", "/usage?group_by=surface").json["items"])


def new() -> tuple[str, str]:
    """A key, and a tag for the upstream."""
    return str(uuid.uuid4()), uuid.uuid4().hex[:12]


def test_twenty_at_once_make_one_call(kim: Person, upstream: Upstream) -> None:
    key, tag = new()
    start = threading.Barrier(20)

    def one(_: int) -> Answer:
        start.wait(60)
        return complete(kim, key, f"count:20:10#{tag}")

    before = calls(kim)
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(one, range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 19
    assert {answer.json["error"]["code"] for answer in answers if answer.status == 409} == {"conflict"}
    assert sum(served.tag == tag for served in upstream.served) == 1
    assert calls(kim) == before + 1


def test_an_answered_call_is_not_made_again(server: Server, kim: Person, upstream: Upstream) -> None:
    key, tag = new()
    assert complete(kim, key, f"text#{tag}").status == 200
    again = complete(kim, key, f"text#{tag}")
    assert (again.status, again.json["error"]["code"]) == (409, "conflict")
    assert "its answer is not kept" in again.json["error"]["message"]
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=kim.token, max_retries=0)
    with client, pytest.raises(openai.ConflictError):
        client.chat.completions.create(
            model=f"openai/text#{tag}",
            messages=HELLO,  # type: ignore[arg-type]
            extra_headers={"Idempotency-Key": key},
        )
    other = complete(kim, key, f"text#{tag}", temperature=0)
    assert (other.status, other.json["error"]["code"]) == (400, "invalid")
    assert sum(served.tag == tag for served in upstream.served) == 1
    lou = server.person("lou")
    lou.openai()
    assert complete(lou, key, f"text#{tag}").status == 200, "a key is its user's own"


def test_a_call_that_failed_frees_its_key(kim: Person) -> None:
    key, tag = new()
    assert complete(kim, key, f"flaky:500:3#{tag}").status == 502
    until(lambda: complete(kim, key, f"flaky:500:3#{tag}").status == 200, what="the call that is tried again")
    assert complete(kim, key, f"flaky:500:3#{tag}").status == 409


def test_a_reader_who_left_may_ask_again(kim: Person, upstream: Upstream) -> None:
    key, tag = new()
    asked = {"model": f"openai/count:3000:10#{tag}", "messages": HELLO, "stream": True}
    with kim.streamed("POST", "/v1/chat/completions", asked, **{"Idempotency-Key": key}) as stream:
        assert stream.response.readline()
    upstream.wait(lambda up: (served := up.sent(tag)) and served.left)

    def again() -> bool:
        with kim.streamed("POST", "/v1/chat/completions", asked, **{"Idempotency-Key": key}) as stream:
            assert stream.status in (200, 409)
            return stream.status == 200

    until(again, what="the key of a call that nobody reads")


def test_a_refused_request_takes_no_key(kim: Person) -> None:
    key, tag = new()
    assert complete(kim, key, "text", temperature=9).status == 400
    assert complete(kim, key, f"text#{tag}").status == 200
    for bad in ("", "x" * 256):
        assert complete(kim, bad, "text").status == 400


def test_embeddings_too(kim: Person) -> None:
    key, _ = new()
    asked = {"model": "vectors", "input": ["one"]}
    assert kim.call("POST", "/v1/embeddings", asked, **{"Idempotency-Key": key}).status == 200
    assert kim.call("POST", "/v1/embeddings", asked, **{"Idempotency-Key": key}).status == 409


def test_messages_and_calls_share_their_keys(kim: Person) -> None:
    key, _ = new()
    assert kim.send(kim.chat(), "hello", key, model="demo").status == 202
    assert complete(kim, key, "text").status == 400
    key, _ = new()
    assert complete(kim, key, "text").status == 200
    assert kim.send(kim.chat(), "hello", key, model="demo").status == 422
