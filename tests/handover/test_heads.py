"""The head of an answer is the same whether its socket was handed over or not: names, values and their order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.domain.ids import new_id
from tests.handover.conftest import GENERATIONS, WAIT_SLOTS
from tests.handover.raw import Raw, request, settled
from tests.server import Person, Server, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("handover")
ORIGIN = "https://app.example"
EVENTS = {"Accept": "text/event-stream", "Origin": ORIGIN}
Ask = Callable[[Person], bytes]


def running(person: Person) -> str:
    """A generation that has said three words and goes no further."""
    answer = person.send(person.chat(), "go on", model="openai/stall:3")
    assert answer.status == 202, answer.body
    return str(answer.json["generation"]["id"])


def follow(method: str, version: str = "1.1") -> Ask:
    return lambda who: request(method, f"/generations/{running(who)}/events", who.token, version=version, **EVENTS)


def send(version: str = "1.1", model: str = "text", **body: object) -> Ask:
    said = {"content": "hello", "model": f"openai/{model}"} | body
    return lambda who: request("POST", f"/chats/{who.chat()}/messages", who.token, said, version, **EVENTS)


def send_json(version: str = "1.1") -> Ask:
    return lambda who: request("POST", f"/chats/{who.chat()}/messages", who.token, {"content": "hello"}, version)


def busy(who: Person) -> bytes:
    chat = who.chat()
    assert who.send(chat, "first", model="openai/stall:3").status == 202
    return request("POST", f"/chats/{chat}/messages", who.token, {"content": "second"}, **EVENTS)


def without_credential(who: Person) -> bytes:
    return request("GET", f"/generations/{running(who)}/events", **EVENTS)


def exhausted(who: Person) -> bytes:
    """Past the limit: an hour that turns meanwhile lets a few more through."""
    chat = who.chat()
    spend = {"content": "hello", "model": "demo"}
    statuses = (who.call("POST", f"/chats/{chat}/messages", spend).status for _ in range(GENERATIONS * 2))
    assert 429 in statuses
    return request("POST", f"/chats/{chat}/messages", who.token, {"content": "one more"}, **EVENTS)


CASES: dict[str, tuple[str, Ask]] = {
    "GET follow": ("200", follow("GET")),
    "HEAD follow": ("200", follow("HEAD")),
    "GET follow HTTP/1.0": ("200", follow("GET", "1.0")),
    "HEAD follow HTTP/1.0": ("200", follow("HEAD", "1.0")),
    "POST stream": ("200", send()),
    "POST stream HTTP/1.0": ("200", send("1.0")),
    "POST stream that fails at once": ("200", send(model="status:401")),
    "POST for JSON": ("201", send_json()),
    "POST for JSON HTTP/1.0": ("201", send_json("1.0")),
    "401": ("401", without_credential),
    "404": ("404", lambda who: request("GET", f"/generations/{new_id()}/events", who.token, **EVENTS)),
    "404 chat": ("404", lambda who: request("POST", "/chats/none/messages", who.token, {"content": "a"}, **EVENTS)),
    "405": ("405", lambda who: request("PUT", f"/generations/{new_id()}/events", who.token, {}, **EVENTS)),
    "409": ("409", busy),
    "422": ("422", send(unknown=1)),
    "429": ("429", exhausted),
    "OPTIONS": ("204", lambda who: request("OPTIONS", f"/generations/{new_id()}/events", **EVENTS)),
    "ordinary JSON": ("200", lambda who: request("GET", "/chats", who.token, Origin=ORIGIN)),
}


@pytest.mark.parametrize("case", CASES)
def test_equal(case: str, handing: Server, plain: Server, newcomer: Callable[[Server], Person]) -> None:
    status, ask = CASES[case]
    heads = []
    for server in (handing, plain):
        who = newcomer(server)
        with Raw(server.port, ask(who)) as line:
            heads.append(settled(line.head()))
        who.call("POST", "/auth/logout-all")  # whoever still follows is cut
    assert heads[0] == heads[1]
    assert heads[0][0].split(" ")[1] == status


@pytest.mark.parametrize("case", ["GET follow", "HEAD follow", "POST stream"])
def test_what_a_stream_says(case: str, server: Server, person: Person) -> None:
    _, ask = CASES[case]
    with Raw(server.port, ask(person)) as line:
        line.head()
        headers = dict(line.headers)
    assert len(headers) == len(line.headers), "a header twice"
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["connection"] == "close"
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["vary"] == "Origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "ratelimit" in headers
    assert "x-request-id" in headers
    assert ("transfer-encoding" in headers) == (not case.startswith("HEAD"))
    assert "content-length" not in headers


def test_a_wait_for_json_that_finds_no_slot(
    handing: Server, plain: Server, newcomer: Callable[[Server], Person], upstream: Upstream
) -> None:
    heads = []
    for server in (handing, plain):
        who = newcomer(server)
        begun = upstream.requests
        waiting = [
            Raw(server.port, request("POST", f"/chats/{who.chat()}/messages", who.token, {"content": "a"} | model))
            for model in [{"model": "openai/stall:1"}] * WAIT_SLOTS
        ]
        upstream.wait(lambda up, begun=begun: up.requests == begun + WAIT_SLOTS)
        body = {"content": "told by the loop", "model": "openai/text"}
        chat = who.chat()
        with Raw(server.port, request("POST", f"/chats/{chat}/messages", who.token, body)) as line:
            heads.append(settled(line.head()))
            assert b"told by the loop" in line.body()
        for chat in who.call("GET", "/chats").json["items"]:
            who.call("POST", f"/generations/{chat['active_generation_id']}/stop", {})
        for line in waiting:
            assert " 201 " in line.head()[0]
            assert b'"stopped"' in line.body()
            line.close()
        until(lambda server=server: who.call("GET", "/metrics").body.find(b"parley_streams_open 0.0") > 0)
    assert heads[0] == heads[1]
    assert heads[0][0] == "HTTP/1.1 201 CREATED"
