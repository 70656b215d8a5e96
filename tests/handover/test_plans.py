"""Plan mode over HTTP: two streams, one after the other; or both as JSON at the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server import Event, Person

PLANNER, ANSWERER = "openai/count:3:0", "openai/count:2:0"
MODE = {"planner": PLANNER, "answerer": ANSWERER, "review": False}


def text_of(events: list[Event]) -> str:
    return "".join(value["text"] for _, kind, value in events if kind == "delta")


def kinds(person: Person, chat: str) -> list[tuple[str, str]]:
    return [(message["kind"], message["content"]) for message in person.messages(chat)]


def test_the_plans_end_names_the_stream_of_its_answer(person: Person) -> None:
    chat = person.chat(plan=MODE)
    with person.stream(chat, "go") as stream:
        plan = list(stream)
    assert text_of(plan) == "1 2 3 "
    assert plan[-1][2]["message"]["kind"] == "plan"
    with person.follow(plan[-1][2]["next"]) as stream:
        answer = list(stream)
    assert text_of(answer) == "1 2 "
    assert answer[0][2]["user_message_id"] == plan[0][2]["user_message_id"]
    assert answer[-1][2]["message"]["parent_id"] == plan[0][2]["message_id"]
    with person.follow(plan[0][2]["generation_id"]) as stream:
        assert list(stream) == plan
    assert kinds(person, chat) == [("text", "go"), ("plan", "1 2 3 "), ("text", "1 2 ")]


def test_as_json_both_come_at_the_end(person: Person) -> None:
    chat = person.chat(plan=MODE)
    answer = person.call("POST", f"/chats/{chat}/messages", {"content": "go"}, **{"Idempotency-Key": "both"})
    assert answer.status == 201
    assert answer.json["user_message"]["content"] == "go"
    assert (answer.json["plan"]["kind"], answer.json["plan"]["content"]) == ("plan", "1 2 3 ")
    assert (answer.json["message"]["kind"], answer.json["message"]["content"]) == ("text", "1 2 ")
    again = person.call("POST", f"/chats/{chat}/messages", {"content": "go"}, **{"Idempotency-Key": "both"})
    assert again.headers["idempotent-replay"] == "true"
    for name in ("generation", "message", "plan"):
        assert again.json[name]["id"] == answer.json[name]["id"]


@pytest.mark.parametrize("failing", ["planner", "answerer"])
def test_as_json_a_failure_says_in_which_step(person: Person, failing: str) -> None:
    chat = person.chat(plan=MODE | {failing: "openai/status:500"})
    answer = person.call("POST", f"/chats/{chat}/messages", {"content": "go"})
    assert answer.status == 201
    assert (answer.json["generation"]["status"], answer.json["message"]["status"]) == ("error", "error")
    assert answer.json["message"]["kind"] == ("plan" if failing == "planner" else "text")
    assert (answer.json["plan"] is None) == (failing == "planner")
    assert answer.json["message"]["metadata"]["error"]["code"]
    assert person.messages(chat)[-1]["id"] == answer.json["message"]["id"]


def test_a_plan_is_reviewed_edited_and_executed(person: Person) -> None:
    chat = person.chat(plan=MODE | {"review": True})
    sent = person.call("POST", f"/chats/{chat}/messages", {"content": "go"})
    assert (sent.json["plan"], sent.json["message"]["kind"]) == (None, "plan")
    plan = sent.json["message"]["id"]
    key = {"Idempotency-Key": "edit"}
    edited = person.call("PATCH", f"/messages/{plan}", {"content": "1. well"}, **key)
    again = person.call("PATCH", f"/messages/{plan}", {"content": "1. well"}, **key)
    assert edited.status == 201
    assert again.headers["idempotent-replay"] == "true"
    assert again.json == edited.json
    assert (edited.json["generation"], edited.json["message"]["content"]) == (None, "1. well")
    assert edited.json["user_message"] == sent.json["user_message"]
    with person.streamed("POST", f"/messages/{edited.json['message']['id']}/execute") as stream:
        assert text_of(list(stream)) == "1 2 "
    assert kinds(person, chat) == [("text", "go"), ("plan", "1. well"), ("text", "1 2 ")]


@pytest.mark.parametrize("mode", [{"planner": "a"}, {"planner": "a", "answerer": ""}, {**MODE, "more": 1}, "on"])
def test_half_a_mode_is_refused(person: Person, mode: Any) -> None:
    assert person.call("POST", "/chats", {"plan": mode}).status == 422


def test_the_mode_is_shown_and_taken_back(person: Person) -> None:
    chat = person.chat(plan={"planner": PLANNER, "answerer": ANSWERER})
    assert person.call("GET", f"/chats/{chat}").json["plan"] == MODE
    assert person.call("PATCH", f"/chats/{chat}", {"plan": None}).json["plan"] is None
    assert person.call("GET", f"/chats/{chat}").json["plan"] is None
