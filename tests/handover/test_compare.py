"""A comparison's stream: several replies on one line, resumable in all of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server import Event, Person

ENDS = ("finished", "error")
MODELS = ["openai/count:5:0", "openai/text", "openai/status:500"]


def compared(person: Person, **values: Any) -> list[Event]:
    body = {"content": "go", "models": MODELS} | values
    with person.streamed("POST", f"/chats/{person.chat()}/compare", body) as stream:
        assert stream.status == 200
        return list(stream)


def by_generation(events: list[Event]) -> dict[str, list[Event]]:
    told: dict[str, list[Event]] = {}
    for event in events:
        told.setdefault(event[2]["generation_id"], []).append(event)
    return told


def test_every_reply_is_told_whole_on_one_line(person: Person) -> None:
    told = by_generation(compared(person))
    assert [[kind for _, kind, _ in events if kind in ENDS] for events in told.values()] == [["finished"]] * 2 + [
        ["error"]
    ]
    texts = ["".join(value["text"] for _, kind, value in events if kind == "delta") for events in told.values()]
    assert texts == ["1 2 3 4 5 ", "go", ""]
    for events in told.values():
        assert events[0][1] == "started"
        assert events[-1][1] in ENDS


def test_from_any_place_the_rest_follows(person: Person) -> None:
    events = compared(person)
    first = events[0][2]["generation_id"]
    for seen in range(1, len(events), 3):
        path = f"/generations/{first}/events"
        with person._open("GET", path, None, {"Last-Event-ID": str(events[seen - 1][0])}) as stream:
            rest = by_generation(list(stream))
        missing = by_generation(events[seen:])
        assert {one: [event[1:] for event in told] for one, told in rest.items()} == {
            one: [event[1:] for event in told] for one, told in missing.items()
        }


@pytest.mark.parametrize("place", ["00000000:1", "x:", "1:1", ":"])
def test_another_comparisons_place_is_refused(person: Person, place: str) -> None:
    first = compared(person)[0][2]["generation_id"]
    with person._open("GET", f"/generations/{first}/events", None, {"Last-Event-ID": place}) as stream:
        assert stream.status == 422


def test_as_json_at_the_end_of_all(person: Person) -> None:
    answer = person.call("POST", f"/chats/{person.chat()}/compare", {"content": "go", "models": MODELS})
    assert answer.status == 201
    assert answer.json["user_message"]["content"] == "go"
    assert [reply["message"]["content"] for reply in answer.json["replies"]] == ["1 2 3 4 5 ", "go", ""]
    assert [reply["generation"]["status"] for reply in answer.json["replies"]] == ["complete", "complete", "error"]


def test_as_places_to_look_at(person: Person) -> None:
    chat = person.chat()
    body = {"content": "go", "models": ["openai/stall:1", "openai/stall:2"]}
    answer = person.call("POST", f"/chats/{chat}/compare", body, Prefer="respond-async")
    assert answer.status == 202
    replies = [reply["generation"]["id"] for reply in answer.json["replies"]]
    busy = person.send(chat, "another")
    assert (busy.status, busy.json["code"]) == (409, "chat_busy")
    assert busy.json["generation_id"] in replies
    for generation in replies:
        assert person.call("POST", f"/generations/{generation}/stop", {}).status == 200


def test_every_operation_of_the_tree_over_http(person: Person) -> None:
    chat = person.chat()
    with person.stream(chat, "one", model="openai/cut:3") as stream:
        cut = list(stream)[0][2]["message_id"]
    with person.streamed("POST", f"/messages/{cut}/continue", {"model": "openai/count:2:0"}) as stream:
        events = list(stream)
    assert events[-1][2]["message"]["content"] == "1 2 3 1 2 "
    again = person.call("POST", f"/messages/{cut}/regenerate", {"model": "openai/text"})
    assert (again.status, again.json["message"]["content"]) == (201, "one")
    assert again.json["user_message"]["content"] == "one"
    question = again.json["user_message"]["id"]
    edited = person.call("PATCH", f"/messages/{question}", {"content": "other words", "model": "openai/text"})
    assert edited.json["message"]["content"] == "other words"
    shown = person.call("PUT", f"/chats/{chat}/head", {"message_id": cut})
    assert (shown.status, shown.json["head_id"]) == (200, cut)
    assert [len(message["sibling_ids"]) for message in person.messages(chat)] == [2, 2]
    rated = person.call("POST", f"/messages/{cut}/feedback", {"rating": "down", "comment": "too short"})
    assert rated.json["metadata"]["feedback"] == {"rating": "down", "comment": "too short"}
    fork = person.call("POST", f"/chats/{chat}/fork", {"message_id": cut})
    assert [message["content"] for message in person.messages(fork.json["id"])] == ["one", "1 2 3 1 2 "]
    assert person.call("DELETE", f"/messages/{cut}").status == 204
    assert person.call("GET", f"/chats/{chat}").json["head_id"] == question
    assert person.call("DELETE", f"/chats/{chat}/messages").status == 204
    assert person.messages(chat) == []
