"""The FastAPI demo's document, request by request, and what its clients may do besides."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import uuid4

import pytest

from api.domain.prompts import Prompt
from api.web.dialects.fastapi_demo import wire
from tests.dialects.conftest import API_KEY
from tests.server import Answer, Person, Server, call, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("fastapi-demo")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
BUILT_IN = ("basic", "code-assistant", "research-assistant")


def told(answer: Answer) -> dict[str, Any]:
    """A success, which is always 200."""
    assert answer.status == 200, answer.body
    return dict(answer.json)


def refused(answer: Answer, status: int) -> str:
    assert (answer.status, list(answer.json)) == (status, ["detail"]), answer.body
    return str(answer.json["detail"])


def said(who: Person, message: str, chat_id: str | None = None) -> dict[str, Any]:
    body = {"message": message} | ({} if chat_id is None else {"chat_id": chat_id})
    return told(who.call("POST", "/chat", body))


def person(server: Server, name: str) -> Person:
    made = server.person(name)
    made.openai()
    return made


def test_the_transcript(server: Server, upstream: Upstream) -> None:
    port = server.port
    assert call(port, "GET", "/health").json["status"]
    assert "POST /chat" in str(told(call(port, "GET", "/")))
    ann = Person(port, API_KEY)  # as the document's clients have it
    ann.openai("text#demo")

    fact = said(ann, "Tell me a fun fact about space")
    assert list(fact) == ["success", "response", "chat_id"]
    assert (fact["success"], fact["response"]) == (True, "Tell me a fun fact about space")
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,50}", fact["chat_id"])
    more = said(ann, "Tell me more about stars", fact["chat_id"])
    assert more == {"success": True, "response": "Tell me more about stars", "chat_id": fact["chat_id"]}
    named = said(ann, "Tell me more about stars", "space-facts")
    assert named["chat_id"] == "space-facts"
    served = upstream.sent("demo")
    assert served is not None
    assert [turn["content"] for turn in served.body["messages"]] == ["Tell me more about stars"], "another chat"

    summaries = told(ann.call("GET", "/chat/history"))
    assert list(summaries) == ["success", "chats"]
    assert set(summaries["chats"]) == {fact["chat_id"], "space-facts"}
    summary = summaries["chats"]["space-facts"]
    assert set(summary) == {"id", "chat_id", "title", "created_at", "updated_at", "last_updated"}
    assert (summary["chat_id"], summary["title"]) == ("space-facts", "Tell me more about stars")

    whole = told(ann.call("GET", f"/chat/history/{fact['chat_id']}"))
    assert list(whole) == ["success", "chat_id", "history"]
    assert whole["chat_id"] == whole["history"]["custom_id"] == fact["chat_id"]
    assert set(whole["history"]) == {"id", "custom_id", "title", "created_at", "updated_at", "messages"}
    lines = [(one["role"], one["content"]) for one in whole["history"]["messages"]]
    assert lines == [
        ("user", "Tell me a fun fact about space"),
        ("assistant", "Tell me a fun fact about space"),
        ("user", "Tell me more about stars"),
        ("assistant", "Tell me more about stars"),
    ]
    moments = [one["timestamp"] for one in whole["history"]["messages"]]
    moments += [summary["created_at"], summary["updated_at"], summary["last_updated"], whole["history"]["created_at"]]
    assert all(MOMENT.fullmatch(moment) and dt.datetime.fromisoformat(moment).tzinfo for moment in moments)
    deleted = told(ann.call("DELETE", "/chat/delete/space-facts"))
    assert (deleted["success"], type(deleted["message"])) == (True, str)
    refused(ann.call("GET", "/chat/history/space-facts"), 404)
    refused(ann.call("DELETE", "/chat/delete/space-facts"), 404)


def test_the_transcript_of_prompts(server: Server, upstream: Upstream) -> None:
    ann = server.person("demo_prompter")
    ann.openai("text#prompted")
    assert told(ann.call("GET", "/system-prompt")) == {"prompt": ""}
    text = "You are a helpful assistant..."
    was_set = told(ann.call("POST", "/system-prompt", {"prompt": text}))
    assert (was_set["success"], was_set["prompt"], type(was_set["message"])) == (True, text, str)
    assert told(ann.call("GET", "/system-prompt")) == {"prompt": text}

    asked = {"name": "Customer Support", "content": "You are a customer support agent..."}
    created = told(ann.call("POST", "/system-prompts", asked))
    assert list(created) == ["success", "message", "prompt_id", "prompt"]
    assert created["prompt_id"] == created["prompt"]["id"] == "customer-support"
    library = told(ann.call("GET", "/system-prompts"))["prompts"]
    assert {*BUILT_IN, "customer-support"} < set(library)
    assert all(key == one["id"] for key, one in library.items())
    assert set(library["customer-support"]) == {"id", "name", "content", "description", "created_at", "updated_at"}
    assert library["customer-support"]["description"] == "", "never null"
    assert all(MOMENT.fullmatch(one["created_at"]) and MOMENT.fullmatch(one["updated_at"]) for one in library.values())

    activated = told(ann.call("POST", "/system-prompts/customer-support/activate"))
    assert list(activated) == ["success", "message", "prompt"]
    active = told(ann.call("GET", "/system-prompt"))["prompt"]
    assert [one["name"] for one in library.values() if one["content"] == active] == ["Customer Support"]
    said(ann, "hello", "prompted")
    served = upstream.sent("prompted")
    assert served is not None
    assert served.body["messages"][0] == {"role": "system", "content": asked["content"]}

    changed = told(ann.call("PUT", "/system-prompts/customer-support", {"content": "Be kind."}))
    assert (changed["prompt"]["id"], changed["prompt"]["content"]) == ("customer-support", "Be kind.")
    got = told(ann.call("GET", "/system-prompts/customer-support"))
    assert (got["success"], got["prompt"]) == (True, changed["prompt"])
    assert told(ann.call("GET", "/system-prompt"))["prompt"] == "Be kind."
    assert told(ann.call("DELETE", "/system-prompts/customer-support"))["success"] is True
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/activate")):
        body = {"name": "x"} if method == "PUT" else None
        refused(ann.call(method, f"/system-prompts/customer-support{path}", body), 404)
    assert told(ann.call("GET", "/system-prompt")) == {"prompt": ""}


def test_what_is_built_in_stays(server: Server) -> None:
    ann = person(server, "demo_builtin")
    before = told(ann.call("GET", "/system-prompts"))["prompts"]
    for name in BUILT_IN:
        assert "stays" in refused(ann.call("DELETE", f"/system-prompts/{name}"), 403)
        values = {"name": before[name]["name"], "content": "Mine now.", "description": "own"}
        copy = told(ann.call("PUT", f"/system-prompts/{name}", values))["prompt"]
        assert copy["id"] not in BUILT_IN
        assert (copy["name"], copy["content"]) == (values["name"], "Mine now.")
        again = told(ann.call("PUT", f"/system-prompts/{copy['id']}", {"content": "Mine still."}))["prompt"]
        assert again["id"] == copy["id"], "one's own is changed"
        other = told(ann.call("PUT", f"/system-prompts/{name}", {"description": "another copy"}))["prompt"]
        assert other["content"] == before[name]["content"]
        assert other["id"] not in (name, copy["id"])
    after = told(ann.call("GET", "/system-prompts"))["prompts"]
    assert {name: after[name] for name in BUILT_IN} == {name: before[name] for name in BUILT_IN}
    assert len(after) == len(before) + 2 * len(BUILT_IN)


def test_setting_the_text_changes_no_prompt_of_the_library(server: Server) -> None:
    ann = person(server, "demo_setter")
    told(ann.call("POST", "/system-prompts", {"name": "Mine", "content": "One.", "description": "d"}))
    for chosen, content in (("mine", "One."), ("basic", None)):
        told(ann.call("POST", f"/system-prompts/{chosen}/activate"))
        before = told(ann.call("GET", "/system-prompts"))["prompts"]
        for text in ("Two.", "Three {{unfilled}} {{here = 3}}."):
            told(ann.call("POST", "/system-prompt", {"prompt": text}))
            assert told(ann.call("GET", "/system-prompt")) == {"prompt": text}
        after = told(ann.call("GET", "/system-prompts"))["prompts"]
        assert len(after) == len(before) + 1, "one copy, whose next version the second text is"
        assert after[chosen] == before[chosen]
        assert content is None or after[chosen]["content"] == content
        (copy,) = [after[name] for name in after.keys() - before.keys()]
        assert copy["name"] == f"{before[chosen]['name']} (edited)"
    shown = {one["name"]: one for one in ann.call("GET", "/prompts").json["items"]}
    assert shown["Basic assistant (edited)"]["is_active"], "the same library as everywhere"
    for body in ({"prompt": " "}, {"prompt": None}, {}, {"prompt": "a\x00b"}, {"prompt": "x" * 100_001}):
        refused(ann.call("POST", "/system-prompt", body), 422)


def test_of_two_prompts_with_one_slug_both_have_an_id() -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    own, shared = (
        Prompt(uuid4(), uuid4(), "Common", "common", text, "", [], text == "Shared.", 1, at, at)
        for text in ("Own.", "Shared.")
    )
    library = wire.prompts([own, shared])["prompts"]
    assert {key: (one["id"], one["content"]) for key, one in library.items()} == {
        "common": ("common", "Own."),
        str(shared.id): (str(shared.id), "Shared."),
    }


def test_chat_ids(server: Server) -> None:
    ann, eve = person(server, "demo_ids"), person(server, "demo_eve")
    for chat_id in ("a", "A-b_9", "x" * 50, "7", str(uuid4()), uuid4().hex):
        assert said(ann, "hello", chat_id)["chat_id"] == chat_id
        assert said(ann, "again", chat_id)["chat_id"] == chat_id
        history = told(ann.call("GET", f"/chat/history/{chat_id}"))["history"]
        assert (history["custom_id"], len(history["messages"])) == (chat_id, 4)
        refused(eve.call("GET", f"/chat/history/{chat_id}"), 404)
        refused(eve.call("DELETE", f"/chat/delete/{chat_id}"), 404)
    said(eve, "mine", "a")
    assert len(told(ann.call("GET", "/chat/history/a"))["history"]["messages"]) == 4, "each account's own"
    for chat_id in ("x" * 51, "a b", "a.b", "ä", "../etc", "%00"):
        assert "50 letters" in refused(ann.call("POST", "/chat", {"message": "hello", "chat_id": chat_id}), 422)
    for chat_id in ("x" * 51, "a.b", "never-seen", str(uuid4())):
        refused(ann.call("GET", f"/chat/history/{chat_id}"), 404)
        refused(ann.call("DELETE", f"/chat/delete/{chat_id}"), 404)
    prompts = told(ann.call("GET", "/system-prompts"))["prompts"]
    given = {said(ann, "hello", empty)["chat_id"] for empty in (None, "", None)}
    assert len(given) == 3
    assert not given & prompts.keys()
    assert all("_" in chat_id for chat_id in given), "which no prompt's id holds"


def test_what_is_refused(server: Server) -> None:
    ann = person(server, "demo_refused")
    for body in ({}, {"message": ""}, {"message": " \n"}, {"message": None}, {"message": 5}, {"message": "a\x00b"}, []):
        refused(ann.call("POST", "/chat", body), 422)
    assert said(ann, "hello", "ok")["success"], "nothing was begun"
    assert list(told(ann.call("GET", "/chat/history"))["chats"]) == ["ok"]
    for body in ({}, {"name": "a"}, {"name": " ", "content": "b"}, {"name": "a", "content": " "}):
        refused(ann.call("POST", "/system-prompts", body), 422)
    told(ann.call("POST", "/system-prompts", {"name": "Twice", "content": "a", "made_up": 1}))
    refused(ann.call("POST", "/system-prompts", {"name": "Twice", "content": "b"}), 409)
    for token in ("", "nonsense"):
        answer = call(server.port, "GET", "/chat/history", Authorization=f"Bearer {token}")
        refused(answer, 401)
    refused(call(server.port, "GET", "/chat/nowhere"), 404)


def test_failures_have_their_status(server: Server) -> None:
    ann = person(server, "demo_failing")
    for model, status in (("status:401", 502), ("status:429:30", 429), ("error-in-stream:5", 502), ("cut:5", 502)):
        chat_id = model.replace(":", "-")
        assert ann.call("POST", "/chats", {"slug": chat_id, "model": f"openai/{model}"}).status == 201
        answer = ann.call("POST", "/chat", {"message": "hello", "chat_id": chat_id})
        refused(answer, status)
        assert (answer.headers.get("retry-after") == "30") is (status == 429)
        history = told(ann.call("GET", f"/chat/history/{chat_id}"))["history"]
        assert history["messages"][0]["content"] == "hello", "the question is kept"


def test_a_client_that_waits_no_longer_loses_nothing(server: Server) -> None:
    ann = server.person("demo_leaver")
    ann.openai("count:60:20")
    with pytest.raises(TimeoutError):
        ann.call("POST", "/chat", {"message": "count", "chat_id": "left"}, timeout=0.5)
    whole = "".join(f"{count} " for count in range(1, 61))

    def contents() -> list[str]:
        history = told(ann.call("GET", "/chat/history/left"))["history"]
        return [one["content"] for one in history["messages"]]

    until(lambda: contents() == ["count", whole])


def test_the_same_key_asks_once(server: Server) -> None:
    ann = person(server, "demo_twice")
    answers = [ann.call("POST", "/chat", {"message": "hello"}, **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["idempotent-replay"] == "true"
    assert len(told(ann.call("GET", "/chat/history"))["chats"]) == 1


def test_the_same_chats_as_everywhere(server: Server) -> None:
    ann = person(server, "demo_shared")
    said(ann, "first", "both")
    chat = ann.call("GET", "/chats/both").json
    assert (chat["slug"], chat["title"], chat["model"], chat["model_config_id"]) == ("both", "first", None, None)
    assert ann.call("POST", f"/chats/{chat['id']}/messages", {"content": "second"}).status == 201
    assert said(ann, "third", chat["id"])["chat_id"] == chat["id"], "by its id too"
    history = told(ann.call("GET", "/chat/history/both"))["history"]
    assert [one["content"] for one in history["messages"] if one["role"] == "user"] == ["first", "second", "third"]
    generation = ann.generation(ann.messages("both")[1]["metadata"]["generation_id"])
    assert generation["surface"] == "fastapi_demo"
