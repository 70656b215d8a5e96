"""The LLM service's document, request by request, and what its clients may do besides."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server import Answer, Person, Server
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("llm-service")
KEY = "sk-proj-0123456789abcdefCANARY"
EARLIER = [
    {"role": "user", "content": "Previous message", "timestamp": "2025-11-24T10:00:00Z"},
    {"role": "assistant", "content": "Previous response", "timestamp": "2025-11-24T10:00:01Z"},
]


def person(server: Server, name: str, **config: Any) -> Person:
    """An account, with OpenAI configured if `config` says how."""
    made = server.person(name)
    if config:
        saved = made.call("POST", "/llm/config/openai", {"apiKey": KEY} | config)
        assert saved.status == 200, saved.body
    return made


def asked(who: Person, message: str, provider: str = "openai", **more: Any) -> Answer:
    return who.call("POST", f"/llm/chat/{provider}", {"message": message} | more)


def said(who: Person, provider: str = "openai", query: str = "") -> list[str]:
    answer = who.call("GET", f"/llm/history/{provider}{query}")
    assert answer.status == 200, answer.body
    return [line["content"] for line in answer.json["history"]]


def refused(answer: Answer, status: int) -> str:
    assert (answer.status, list(answer.json)) == (status, ["error"]), answer.body
    return str(answer.json["error"])


def test_the_transcript(server: Server, upstream: Upstream) -> None:
    ann = person(server, "copper")
    assert ann.call("GET", "/llm/configs").json == {"configs": {}}
    settings = {"apiKey": KEY, "model": "gpt-4o#service", "temperature": 0.7, "maxTokens": 2048}
    saved = ann.call("POST", "/llm/config/openai", settings)
    assert (saved.status, saved.json) == (200, {"success": True, "message": "Configuration saved"})
    found = ann.call("GET", "/llm/configs")
    assert (found.status, list(found.json)) == (200, ["configs"])
    shown = found.json["configs"]["openai"]
    key = shown.pop("apiKey")
    assert shown == {"model": "gpt-4o#service", "temperature": 0.7, "maxTokens": 2048}
    assert key.startswith("sk-")
    assert "***" in key
    assert "0123456789" not in key

    answered = asked(ann, "Hello, how are you?", history=EARLIER)
    assert answered.status == 200
    assert list(answered.json) == ["response", "tokensUsed", "model"]
    assert answered.json["response"] == "You said: Hello, how are you? "
    assert answered.json["model"] == "gpt-4o#service"
    assert isinstance(answered.json["tokensUsed"], int)
    served = upstream.sent("service")
    assert served is not None
    turns = [{"role": one["role"], "content": one["content"]} for one in EARLIER]
    assert served.body["messages"] == [*turns, {"role": "user", "content": "Hello, how are you?"}]
    assert served.body["temperature"] == 0.7
    assert 2048 in (served.body.get("max_tokens"), served.body.get("max_completion_tokens"))

    history = ann.call("GET", "/llm/history/openai?limit=50&offset=0")
    assert (history.status, list(history.json), history.json["total"]) == (200, ["history", "total"], 2)
    first, second = history.json["history"]
    assert list(first) == list(second) == ["id", "role", "content", "tokensUsed", "createdAt"]
    assert (first["role"], first["content"]) == ("user", "Hello, how are you?"), "of `history` nothing is stored"
    assert (second["role"], second["content"]) == ("assistant", answered.json["response"])
    assert first["id"] < second["id"]
    assert isinstance(second["tokensUsed"], int)
    assert first["createdAt"] <= second["createdAt"]

    cleared = ann.call("DELETE", "/llm/history/openai")
    assert (cleared.status, cleared.json) == (200, {"success": True, "message": "Chat history cleared"})
    assert ann.call("GET", "/llm/history/openai").json == {"history": [], "total": 0}
    deleted = ann.call("DELETE", "/llm/config/openai")
    assert (deleted.status, deleted.json) == (200, {"success": True, "message": "Configuration deleted"})
    assert ann.call("GET", "/llm/configs").json == {"configs": {}}
    refused(ann.call("DELETE", "/llm/config/openai"), 404)
    assert "OpenAI is not set up here yet" in refused(asked(ann, "hello"), 400)


def test_without_a_history_what_is_stored_is_the_context(server: Server, upstream: Upstream) -> None:
    ann = person(server, "stored", model="text#stored")
    for words in ("one", "two"):
        assert asked(ann, words).json["response"] == words
    served = upstream.sent("stored")
    assert served is not None
    assert [turn["content"] for turn in served.body["messages"]] == ["one", "one", "two"]
    assert asked(ann, "three", history=[]).status == 200
    served = upstream.sent("stored")
    assert served is not None
    assert [turn["content"] for turn in served.body["messages"]] == ["three"]
    assert said(ann) == ["one", "one", "two", "two", "three", "three"]
    assert said(ann, query="?limit=2&offset=1") == ["one", "two"]
    assert said(ann, query="?limit=2&offset=9") == []
    ids = [line["id"] for line in ann.call("GET", "/llm/history/openai").json["history"]]
    ann.call("DELETE", "/llm/history/openai")
    asked(ann, "four")
    assert ann.call("GET", "/llm/history/openai").json["history"][0]["id"] > ids[-1], "an id is never given twice"


def test_lines_of_the_system_in_a_history_are_the_system_prompt(server: Server, upstream: Upstream) -> None:
    ann = person(server, "ruled", model="text#ruled")

    def sent(*rules: str) -> list[tuple[str, str]]:
        first, *others = [{"role": "system", "content": words} for words in rules]
        assert asked(ann, "hello", history=[first, *EARLIER, *others]).status == 200
        served = upstream.sent("ruled")
        assert served is not None
        return [(turn["role"], turn["content"]) for turn in served.body["messages"]]

    turns = [*((one["role"], one["content"]) for one in EARLIER), ("user", "hello")]
    assert sent("Be brief.", "Be kind.") == [("system", "Be brief.\n\nBe kind."), *turns]
    assert sent("", " ") == turns


def test_the_same_config_and_chat_as_everywhere(server: Server) -> None:
    ann = person(server, "shared", model="text")
    (config,) = ann.call("GET", "/model-configs").json["items"]
    assert (config["provider"], config["model"], config["is_default"]) == ("openai", "text", True)
    asked(ann, "hello")
    (chat,) = ann.call("GET", "/chats").json["items"]
    assert (chat["slug"], chat["title"], chat["model_config_id"]) == ("llm-openai", "hello", config["id"])
    assert ann.call("POST", "/chats/llm-openai/messages", {"content": "from the page"}).status == 201
    assert said(ann) == ["hello", "hello", "from the page", "from the page"]
    generation = ann.generation(ann.messages("llm-openai")[1]["metadata"]["generation_id"])
    assert generation["surface"] == "llm_service"
    ann.call("POST", "/model-configs", {"name": "other", "provider": "openai", "api_key": KEY, "is_default": True})
    ann.call("POST", "/llm/config/openai", {"model": "changed"})
    by_name = {one["name"]: one["model"] for one in ann.call("GET", "/model-configs").json["items"]}
    assert by_name == {"openai": "text", "other": "changed"}, "the default one is the provider's"


def test_saving_again_keeps_what_is_not_given(server: Server) -> None:
    ann = person(server, "keeping", model="text", temperature=0.5, maxTokens=100)
    before = ann.call("GET", "/llm/configs").json["configs"]["openai"]
    for again in ({}, {"apiKey": before["apiKey"]}, {"apiKey": ""}, {"apiKey": None, "made_up": 1}):
        assert ann.call("POST", "/llm/config/openai", again).status == 200
        assert ann.call("GET", "/llm/configs").json["configs"]["openai"] == before
    assert asked(ann, "the key still works").status == 200
    ann.call("POST", "/llm/config/openai", {"temperature": 0, "apiKey": "hf_abcdefghijklmnopqrstuvWXYZ"})
    after = ann.call("GET", "/llm/configs").json["configs"]["openai"]
    assert after == before | {"temperature": 0, "apiKey": after["apiKey"]}
    assert after["apiKey"] != before["apiKey"]


@pytest.mark.parametrize("body", [{"temperature": -0.1}, {"temperature": 2.1}, {"maxTokens": 0}, {"maxTokens": 32001}])
def test_bounds(server: Server, body: dict[str, Any]) -> None:
    ann = person(server, "bounds")
    refused(ann.call("POST", "/llm/config/openai", {"apiKey": KEY} | body), 400)


def test_what_is_refused(server: Server) -> None:
    ann = person(server, "bounds")
    assert "needs an API key" in refused(ann.call("POST", "/llm/config/qwen", {"model": "qwen-max"}), 400)
    assert "needs an API key" in refused(ann.call("POST", "/llm/config/qwen", {"apiKey": "sk-***"}), 400)
    for method, path, body in (
        ("POST", "/llm/config/nobody", {"apiKey": KEY}),
        ("DELETE", "/llm/config/nobody", None),
        ("POST", "/llm/chat/nobody", {"message": "hello"}),
        ("GET", "/llm/history/nobody", None),
        ("DELETE", "/llm/history/nobody", None),
    ):
        refused(ann.call(method, path, body), 404)
    for body in (
        {},
        {"message": " "},
        {"message": 1},
        {"message": "a", "history": [{"role": "tool", "content": "b"}]},
    ):
        refused(ann.call("POST", "/llm/chat/demo", body), 400)
    for query in ("?limit=0", "?limit=x", "?offset=-1", "?limit=1001"):
        refused(ann.call("GET", f"/llm/history/demo{query}"), 400)
    assert ann.call("GET", "/llm/history/demo?limit=1&made_up=1").status == 200
    assert ann.call("DELETE", "/llm/history/demo").status == 200, "nothing was said, nothing is left"


@pytest.mark.parametrize(
    ("name", "provider"),
    [("gemini", "gemini"), ("claude", "anthropic"), ("qwen", "qwen"), ("huggingface", "huggingface"), ("groq", "groq")],
)
def test_every_provider(server: Server, name: str, provider: str) -> None:
    ann = person(server, "many")
    assert ann.call("POST", f"/llm/config/{name}", {"apiKey": "key-0123456789abcdef", "model": "text"}).status == 200
    assert ann.call("GET", "/llm/configs").json["configs"][name]["model"] == "text"
    assert provider in [one["provider"] for one in ann.call("GET", "/model-configs").json["items"]]
    if name in ("gemini", "claude"):
        assert asked(ann, "hello", name).json["response"] == "hello"
        assert said(ann, provider) == said(ann, name) == ["hello", "hello"], "under either name"
        assert f"llm-{name}" in [chat["slug"] for chat in ann.call("GET", "/chats").json["items"]]


def test_one_that_makes_images_is_set_up_but_never_asked(server: Server) -> None:
    ann = person(server, "painting")
    assert ann.call("POST", "/llm/config/imagerouter", {"apiKey": "key-0123456789abcdef"}).status == 200
    assert "imagerouter" in ann.call("GET", "/llm/configs").json["configs"]
    assert "does not chat" in refused(asked(ann, "hello", "imagerouter"), 404)
    assert ann.call("DELETE", "/llm/config/imagerouter").status == 200
    assert "imagerouter" not in ann.call("GET", "/llm/configs").json["configs"]


def test_a_provider_that_needs_no_key(server: Server) -> None:
    ann = person(server, "keyless")
    assert asked(ann, "demo:fast hello", "demo").json["model"] == "demo"
    (chat,) = ann.call("GET", "/chats").json["items"]
    assert (chat["slug"], chat["model"], chat["model_config_id"]) == ("llm-demo", "demo/demo", None)


@pytest.mark.parametrize(
    ("model", "status"),
    [("status:401", 502), ("status:429:30", 429), ("status:500", 502), ("error-in-stream:5", 502), ("cut:5", 502)],
)
def test_failures_have_their_status(server: Server, model: str, status: int) -> None:
    ann = person(server, "failing", model=model)
    answer = asked(ann, "hello")
    refused(answer, status)
    assert (answer.headers.get("retry-after") == "30") is (status == 429)


def test_first_messages_at_the_same_time_make_one_chat(server: Server) -> None:
    ann = person(server, "hasty", model="count:30:20")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: asked(ann, f"hello {number}"), range(4)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert any(answer.status == 200 for answer in answers)
    assert len(ann.call("GET", "/chats").json["items"]) == 1
    assert len(said(ann)) == 2 * sum(answer.status == 200 for answer in answers)


def test_the_same_key_asks_once(server: Server) -> None:
    ann = person(server, "repeating", model="text")
    answers = [
        ann.call("POST", "/llm/chat/openai", {"message": "hello"}, **{"Idempotency-Key": "once"}) for _ in range(2)
    ]
    assert answers[0].body == answers[1].body
    assert [answer.headers.get("idempotent-replay") for answer in answers] == [None, "true"]
    assert said(ann) == ["hello", "hello"]
    other = {"message": "hello", "history": EARLIER}
    refused(ann.call("POST", "/llm/chat/openai", other, **{"Idempotency-Key": "once"}), 400)


def test_each_accounts_own(server: Server) -> None:
    jim, eve = person(server, "jim_llm", model="text"), person(server, "eve_llm")
    asked(jim, "mine")
    assert said(eve) == []
    assert eve.call("GET", "/llm/configs").json == {"configs": {}}
    refused(asked(eve, "hello"), 400)
    refused(eve.call("DELETE", "/llm/config/openai"), 404)
    assert json.dumps(jim.call("GET", "/llm/configs").json).count("***") == 1
    key = jim.call("POST", "/api-keys", {"name": "small", "scopes": ["chat"]}).json["key"]
    small = Person(jim.port, key)
    assert asked(small, "with a key").status == 200
    refused(small.call("POST", "/llm/config/openai", {"apiKey": KEY}), 403)
