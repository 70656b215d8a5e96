"""Chat2AnyLLM's document, request by request, and what its clients may do besides."""

from __future__ import annotations

import http.client
import json
from uuid import UUID, uuid4

import pytest

from tests.dialects.anyllm import frames, person, refused, said, session, signed_in, text_of
from tests.server import Person, Server, call, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("chat2anyllm")
QUESTION = "What is the capital of Norway, and since when has it been that, in one sentence?"


def test_the_transcript(server: Server, upstream: Upstream) -> None:
    person(server, "any_ann", "echo#any")
    login = signed_in(server, "any_ann")
    assert login.status == 200
    assert list(login.json) == ["token", "user"]
    user = login.json["user"]
    assert (list(user), user["username"]) == (["id", "username", "role"], "any_ann")
    ann = Person(server.port, login.json["token"])
    health = call(server.port, "GET", "/api/health").json
    assert (list(health), health["status"]) == (["status", "timestamp"], "OK")

    models = ann.call("GET", "/api/models").json
    assert list(models) == ["data"]
    chosen = models["data"][0]
    assert set(chosen) == {"model_name", "litellm_params", "model_info"}
    assert chosen["model_name"] == "mine"
    assert chosen["litellm_params"] == {"model": "openai/echo#any", "custom_llm_provider": "openai"}

    assert ann.call("GET", "/api/sessions").json == []
    created = ann.call("POST", "/api/sessions", {})
    assert created.status == 201
    assert list(created.json) == ["id", "title", "created_at", "updated_at"]
    assert created.json["title"] == "New Chat"
    ours = UUID(created.json["id"])
    assert ann.call("GET", f"/api/sessions/{ours}/messages").json == []

    streamed = ann.call("POST", f"/api/sessions/{ours}/chat/stream", {"model": "mine", "message": QUESTION})
    assert streamed.status == 200
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *chunks, done = frames(streamed)
    assert done == "[DONE]"
    assert list(json.loads(chunks[0])) == ["choices"]
    assert json.loads(chunks[0])["choices"][0]["delta"]["content"]
    assert text_of(chunks) == f"You said: {QUESTION} "
    assert said(ann, str(ours), "And before?") == "You said: And before? "
    served = upstream.sent("any")
    assert served is not None
    turns = [turn["content"] for turn in served.body["messages"]]
    assert turns == [QUESTION, f"You said: {QUESTION} ", "And before?"], "the whole session is the context"

    lines = ann.call("GET", f"/api/sessions/{ours}/messages").json
    assert [list(line) for line in lines] == [["id", "role", "content", "timestamp"]] * 4
    assert [line["role"] for line in lines] == ["user", "assistant"] * 2
    assert [line["content"] for line in lines[:2]] == [QUESTION, f"You said: {QUESTION} "]
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)
    (listed,) = ann.call("GET", "/api/sessions").json
    assert listed["title"].startswith("What is the capital of Norway")
    assert len(listed["title"]) <= 61
    assert QUESTION.startswith(listed["title"].rstrip("…"))
    assert listed["updated_at"] > created.json["updated_at"]
    assert ann.call("DELETE", f"/api/sessions/{ours}").status == 204
    refused(ann.call("GET", f"/api/sessions/{ours}/messages"), 404)


def test_the_transcript_of_roles(server: Server) -> None:
    ann = person(server, "any_roles")
    built_in = ann.call("GET", "/api/roles").json
    assert [role["name"] for role in built_in] == ["Basic assistant", "Code assistant", "Research assistant"]
    created = ann.call("POST", "/api/roles", {"name": "Poet", "instructions": "Rhyme."})
    assert created.status == 201
    assert list(created.json) == ["id", "name", "instructions", "created_at", "updated_at"]
    assert (created.json["name"], created.json["instructions"]) == ("Poet", "Rhyme.")
    path = f"/api/roles/{created.json['id']}"
    for change, wanted in (({"name": "Bard"}, ("Bard", "Rhyme.")), ({"instructions": "Sing."}, ("Bard", "Sing."))):
        changed = ann.call("PUT", path, change)
        assert changed.status == 200
        assert (changed.json["name"], changed.json["instructions"]) == wanted
        assert changed.json["updated_at"] > created.json["updated_at"]
    names = [role["name"] for role in ann.call("GET", "/api/roles").json]
    assert names == ["Bard", "Basic assistant", "Code assistant", "Research assistant"], "by name"
    assert [one["content"] for one in ann.call("GET", "/prompts").json["items"] if one["own"]] == ["Sing."]
    assert ann.call("DELETE", path).status == 204
    for method, body in (("PUT", {"name": "x"}), ("DELETE", None)):
        refused(ann.call(method, path, body), 404)


def test_the_transcript_of_plan_mode(server: Server, upstream: Upstream) -> None:
    """The client asks twice: the planner, then the answering model with the plan, at once after `[DONE]`."""
    ann = person(server, "any_planner", "text#planner")
    values = {"name": "answering", "provider": "anthropic", "api_key": "sk-ant-0123456789", "model": "text#answerer"}
    assert ann.call("POST", "/model-configs", values).status == 201
    ours = session(ann, title="New Chat")
    role = "[[ROLE:Poet]]\nRhyme.\n---\nPlan first: tea for two"
    with ann.streamed("POST", f"/api/sessions/{ours}/chat/stream", {"model": "mine", "message": role}) as stream:
        while stream.response.readline() != b"data: [DONE]\n":
            pass
        (listed,) = ann.call("GET", "/api/sessions").json
        assert listed["title"] != "New Chat", "stored before the client hears of the end"
        assert said(ann, ours, "Answer by the plan", "answering") == "Answer by the plan"
    served = upstream.sent("answerer")
    assert served is not None
    contents = [turn["content"] for turn in served.body["messages"]]
    assert str(contents[0]).count(role) or contents[0] == role, "what the client puts into its message stays as it is"
    lines = ann.call("GET", f"/api/sessions/{ours}/messages").json
    assert [line["content"] for line in lines] == [role, role, "Answer by the plan", "Answer by the plan"]


def test_sessions(server: Server) -> None:
    ann, eve = person(server, "any_sessions"), person(server, "any_eve")
    for title in ("", " ", "x" * 121, 5):
        refused(ann.call("POST", "/api/sessions", {"title": title}), 400)
    first = session(ann, title="x" * 120, made_up=1)
    second = session(ann)
    assert [one["id"] for one in ann.call("GET", "/api/sessions").json] == [second, first]
    said(ann, first, "hello")
    listed = ann.call("GET", "/api/sessions").json
    assert [one["id"] for one in listed] == [first, second], "the latest activity first"
    assert listed[0]["title"] == "x" * 120, "a title that was given stays"
    for method, path, body in (
        ("GET", "/messages", None),
        ("DELETE", "", None),
        ("POST", "/chat/stream", {"model": "mine", "message": "hello"}),
    ):
        words = {refused(eve.call(method, f"/api/sessions/{one}{path}", body), 404) for one in (first, uuid4(), "x")}
        assert len(words) == 1
    for body in ({}, {"model": "mine"}, {"model": "mine", "message": " "}, {"model": "", "message": "a"}, []):
        refused(ann.call("POST", f"/api/sessions/{second}/chat/stream", body), 400)
    assert ann.call("GET", f"/api/sessions/{second}/messages").json == []


def test_roles_that_cannot_be(server: Server) -> None:
    ann = person(server, "any_refused")
    role = {"name": "Poet", "instructions": "Rhyme."}
    made = ann.call("POST", "/api/roles", role).json
    other = ann.call("POST", "/api/roles", role | {"name": "Bard"}).json
    for name in ("Poet", "poet", "Basic assistant"):
        refused(ann.call("POST", "/api/roles", role | {"name": name}), 409)
        refused(ann.call("PUT", f"/api/roles/{other['id']}", {"name": name}), 409)
    assert ann.call("PUT", f"/api/roles/{made['id']}", {"name": "Poet"}).status == 200, "its own name"
    for body in ({}, {"name": "a"}, {"instructions": "b"}, {"name": "", "instructions": "b"}):
        refused(ann.call("POST", "/api/roles", body), 400)
    for body in ({}, {"made_up": 1}, {"name": None}):
        assert "nothing to update" in refused(ann.call("PUT", f"/api/roles/{made['id']}", body), 400)
    built_in = next(one for one in ann.call("GET", "/api/roles").json if one["name"] == "Code assistant")
    refused(ann.call("PUT", f"/api/roles/{built_in['id']}", {"instructions": "x"}), 409)
    refused(ann.call("DELETE", f"/api/roles/{built_in['id']}"), 409)
    eve = person(server, "any_eve")
    refused(eve.call("PUT", f"/api/roles/{made['id']}", {"name": "x"}), 404)
    refused(eve.call("DELETE", f"/api/roles/{made['id']}"), 404)


@pytest.mark.parametrize(
    ("model", "status"), [("status:401", 502), ("status:403", 502), ("status:429:30", 429), ("html", 502)]
)
def test_a_failure_before_the_first_byte_has_its_status(server: Server, model: str, status: int) -> None:
    ann = person(server, "any_failing")
    ours = session(ann)
    body = {"model": f"openai/{model}", "message": "hello"}
    answer = ann.call("POST", f"/api/sessions/{ours}/chat/stream", body)
    refused(answer, status)
    assert (answer.headers.get("retry-after") == "30") is (status == 429)
    (line,) = ann.call("GET", f"/api/sessions/{ours}/messages").json
    assert line["content"] == "hello", "stored before the call"
    body = {"model": f"openai/{model}", "messages": [{"role": "user", "content": "hello"}]}
    for path in ("", "/stream"):
        refused(ann.call("POST", f"/api/chat/completions{path}", body), status)


def test_a_failure_in_mid_stream_ends_without_done(server: Server) -> None:
    ann = person(server, "any_cut")
    for model in ("error-in-stream:5", "cut:5"):
        body = {"model": f"openai/{model}", "message": "hello"}
        answer = ann.call("POST", f"/api/sessions/{session(ann)}/chat/stream", body)
        *chunks, last = frames(answer)
        assert text_of(chunks)
        assert (list(json.loads(last)), type(json.loads(last)["error"])) == (["error"], str)
        body = {"model": f"openai/{model}", "messages": [{"role": "user", "content": "hello"}]}
        *chunks, last = frames(ann.call("POST", "/api/chat/completions/stream", body))
        assert list(json.loads(last)) == ["error"]


def test_completions(server: Server) -> None:
    ann = person(server, "any_stateless")
    body = {"model": "mine", "messages": [{"role": "user", "content": "hello there"}]}
    whole = ann.call("POST", "/api/chat/completions", body)
    assert whole.status == 200
    assert whole.json["choices"][0]["message"]["content"] == "hello there"
    for path, more in (("/stream", {}), ("/stream", {"stream": False}), ("", {"stream": True})):
        *chunks, done = frames(ann.call("POST", f"/api/chat/completions{path}", body | more))
        assert (text_of(chunks), done) == ("hello there", "[DONE]")
    assert ann.call("GET", "/api/sessions").json == [], "stored in no session"
    used = {one["surface"]: one["calls"] for one in ann.call("GET", "/usage?group_by=surface").json["items"]}
    assert used == {"chat2anyllm": 4}
    refused(ann.call("POST", "/api/chat/completions", body | {"base_url": "http://127.0.0.1:1"}), 400)
    refused(ann.call("POST", "/api/chat/completions", {"model": "mine"}), 400)
    refused(ann.call("POST", "/api/chat/completions", body | {"model": "nothing-like-it"}), 404)


def test_each_event_is_one_write(server: Server) -> None:
    """The client takes each read for whole events, and keeps no rest."""
    ann = person(server, "any_writes", "count:300:0")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = json.dumps({"model": "mine", "message": "count"})
    headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/json"}
    connection.request("POST", f"/api/sessions/{session(ann)}/chat/stream", body, headers)
    assert connection.sock is not None
    raw = connection.sock.makefile("rb")
    while next(raw) != b"\r\n":
        pass
    rest = raw.read()
    connection.close()
    written = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        written.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    *events, end = written
    assert end == b""
    assert len(events) > 2
    assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in events)
    assert all(event.count(b"\n\n") == 1 for event in events)
    assert text_of([event[6:-2].decode() for event in events]) == "".join(f"{count} " for count in range(1, 301))


def test_a_reader_who_leaves_loses_nothing(server: Server) -> None:
    ann = person(server, "any_leaver")
    ours = session(ann)
    body = {"model": "openai/count:60:20", "message": "count"}
    with ann.streamed("POST", f"/api/sessions/{ours}/chat/stream", body) as stream:
        stream.response.readline()
        refused(ann.call("POST", f"/api/sessions/{ours}/chat/stream", body), 409)
    whole = "".join(f"{count} " for count in range(1, 61))
    path = f"/api/sessions/{ours}/messages"
    until(lambda: [line["content"] for line in ann.call("GET", path).json] == ["count", whole])


def test_the_same_key_asks_once(server: Server) -> None:
    ann = person(server, "any_twice")
    ours = session(ann)
    body = {"model": "mine", "message": "hello"}
    path = f"/api/sessions/{ours}/chat/stream"
    answers = [ann.call("POST", path, body, **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert [text_of(frames(answer)) for answer in answers] == ["hello", "hello"]
    assert answers[1].headers["idempotent-replay"] == "true"
    assert len(ann.call("GET", f"/api/sessions/{ours}/messages").json) == 2


def test_the_same_chats_as_everywhere(server: Server) -> None:
    ann = person(server, "any_shared")
    ours = session(ann)
    said(ann, ours, "first")
    assert ann.call("POST", f"/chats/{ours}/messages", {"content": "second"}).status == 201
    assert [line["content"] for line in ann.call("GET", f"/api/sessions/{ours}/messages").json] == [
        "first",
        "first",
        "second",
        "second",
    ]
    generation = ann.generation(ann.messages(ours)[1]["metadata"]["generation_id"])
    assert generation["surface"] == "chat2anyllm"
    chat = ann.chat(title="New chat", slug="by-slug")
    assert said(ann, "by-slug", "hello") == "hello"
    assert ann.call("GET", "/api/sessions").json[0] == ann.call("GET", "/api/sessions").json[0] | {"id": chat}
