"""What a reader gets, whichever way it comes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.handover.raw import Raw, request
from tests.server import Event, Person, Server, events_of, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("handover")
TEXT = 'line\n\nanother: data: x\r\n\u2028 and 🦀 "quoted" \x07'


def text_of(events: list[Event]) -> str:
    return "".join(value["text"] for _, kind, value in events if kind == "delta")


def sent(person: Person, version: str = "1.1", content: str = TEXT, model: str = "text") -> bytes:
    body = {"content": content, "model": f"openai/{model}"}
    path = f"/chats/{person.chat()}/messages"
    return request("POST", path, person.token, body, version, Accept="text/event-stream")


def test_a_stream(server: Server, person: Person) -> None:
    with Raw(server.port, sent(person)) as line:
        line.head()
        events = list(line.events())
        assert line.rest() == b"", "nothing follows the last chunk"
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    kinds = [kind for _, kind, _ in events]
    assert kinds[0] == "started"
    assert kinds[-2:] == ["usage", "finished"]
    assert set(kinds[1:-2]) == {"delta"}
    assert text_of(events) == TEXT == events[-1][2]["message"]["content"]


def test_http_1_0_gets_a_body_that_ends_with_the_connection(server: Server, person: Person) -> None:
    with Raw(server.port, sent(person, "1.0")) as line:
        line.head()
        assert "transfer-encoding" not in dict(line.headers)
        body = line.rest()
    assert body.startswith(b"id: 1\nevent: started\ndata: {")
    assert body.endswith(b"}\n\n")
    events = list(events_of(body.splitlines(keepends=True)))
    assert text_of(events) == TEXT
    assert events[-1][1] == "finished"


def test_head_has_no_body_and_follows_nothing(server: Server, person: Person) -> None:
    generation = person.send(person.chat(), "go on", model="openai/stall:3").json["generation"]["id"]
    with Raw(server.port, request("HEAD", f"/generations/{generation}/events", person.token)) as line:
        line.head()
        assert line.rest() == b""
    assert person.call("POST", f"/generations/{generation}/stop", {}).status == 200


@pytest.mark.parametrize("after", [0, 1, 3])
def test_following_begins_after_the_number_asked_for(server: Server, person: Person, after: int) -> None:
    chat = person.chat()
    generation = person.send(chat, "go", model="openai/stall:3").json["generation"]["id"]
    with person.follow(generation) as stream:
        live = list(_until_silence(stream))
    person.call("POST", f"/generations/{generation}/stop", {})
    until(lambda: person.generation(generation)["status"] == "stopped")
    with Raw(server.port, request("GET", f"/generations/{generation}/events?after={after}", person.token)) as line:
        line.head()
        resumed = list(line.events())
    assert [number for number, _, _ in resumed] == list(range(after + 1, after + len(resumed) + 1))
    assert text_of(live) == "1 2 3 "
    assert text_of([event for event in live if event[0] <= after] + resumed) == "1 2 3 "
    header = request("GET", f"/generations/{generation}/events", person.token, Last_Event_ID=str(after))
    with Raw(server.port, header) as line:
        line.head()
        assert list(line.events()) == resumed


@pytest.mark.parametrize("place", ["x", "-1", "1.5", "9" * 12])
def test_a_place_that_is_none_is_refused(server: Server, person: Person, place: str) -> None:
    generation = person.send(person.chat(), "go").json["generation"]["id"]
    header = request("GET", f"/generations/{generation}/events", person.token, Last_Event_ID=place)
    with Raw(server.port, header) as line:
        assert line.head()[0].startswith("HTTP/1.1 422 ")


def _until_silence(stream: object) -> Iterator[Event]:
    for event in stream:  # type: ignore[attr-defined]
        yield event
        if event[1] == "delta" and event[2]["text"].endswith("3 "):
            return


def test_json_at_the_end_is_what_is_stored(server: Server, person: Person) -> None:
    chat = person.chat()
    body = {"content": TEXT, "model": "openai/text"}
    with Raw(server.port, request("POST", f"/chats/{chat}/messages", person.token, body)) as line:
        line.head()
        answer = json.loads(line.body())
    question, reply = person.messages(chat)
    assert answer["generation"]["status"] == "complete"
    assert _shown(answer["user_message"]) == _shown(question)
    assert _shown(answer["message"]) == _shown(reply)
    assert reply["content"] == TEXT


@pytest.mark.parametrize("model", ["cut:3", "status:500", "thinking"])
def test_json_of_a_reply_that_fails_or_thinks_is_what_is_stored(server: Server, person: Person, model: str) -> None:
    chat = person.chat()
    answer = person.call("POST", f"/chats/{chat}/messages", {"content": "go", "model": f"openai/{model}"})
    assert answer.status == 201
    assert _shown(answer.json["message"]) == _shown(person.messages(chat)[1])


def _shown(message: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in message.items() if name != "sibling_ids"}


def test_a_revoked_reader_is_cut_and_the_run_goes_on(server: Server, person: Person, upstream: Upstream) -> None:
    chat = person.chat()
    generation = person.send(chat, "go", model="openai/stall:3#revoked").json["generation"]["id"]
    with person.follow(generation) as stream:
        assert next(iter(stream))[1] == "started"
        person.call("POST", "/auth/logout-all")
        assert all(kind == "delta" for _, kind, _ in stream), "cut without an end"
    served = upstream.sent("revoked")
    assert served is not None
    assert not served.left
