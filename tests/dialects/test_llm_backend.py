"""llm-backend-api's document, request by request, and what its clients may do besides."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.text import clean_text
from api.web.dialects.llm_backend import wire
from tests.server import Answer, Person, Server, call, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("llm-backend")
KEY = "sk-proj-0123456789abcdefCANARY"
QUESTION = "介绍一下RUST"


@dataclass
class Client:
    """A client as the document shows it: JSON in, a bearer token, nothing else."""

    port: int
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return call(self.port, method, path, body, **headers)

    def created(self, **values: Any) -> int:
        answer = self.ask("POST", "/api/conversations/create", {"title": "t", "model": "demo"} | values)
        assert answer.status == 200, answer.body
        number = answer.json["conversation_id"]
        assert isinstance(number, int)
        return number

    def said(self, number: int, message: str) -> list[dict[str, str]]:
        answer = self.ask("POST", f"/api/chat/{number}", {"message": message})
        assert answer.status == 200, answer.body
        return events(answer)

    def native(self) -> Person:
        """The same account as Parley's own clients use it."""
        return Person(self.port, self.token)


def events(answer: Answer) -> list[dict[str, str]]:
    """The stream's events: one line each, `data: ` with the blank, and a blank line."""
    *frames, rest = answer.body.decode().split("\n\n")
    assert rest == ""
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    return [json.loads(frame[6:]) for frame in frames]


def client_of(server: Server, name: str) -> Client:
    body = {"username": name, "password": "SecureP@ssw0rd!"}
    call(server.port, "POST", "/api/users/register", body)
    answer = call(server.port, "POST", "/api/users/login", body)
    assert answer.status == 200, answer.body
    return Client(server.port, answer.json["token"])


@pytest.fixture(scope="module")
def rob(server: Server) -> Client:
    return client_of(server, "rob")


def test_the_transcript(server: Server, upstream: Upstream) -> None:
    client = Client(server.port)
    person = {"username": "john_doe", "password": "SecureP@ssw0rd!"}
    registered = client.ask("POST", "/api/users/register", person)
    assert (registered.status, registered.json) == (201, {"message": "User registered successfully"})
    signed_in = client.ask("POST", "/api/users/login", person)
    assert (signed_in.status, list(signed_in.json)) == (200, ["token"])
    client.token = signed_in.json["token"]
    assert client.token.startswith("eyJ")

    asked = {"title": "My New Conversation", "model": "gpt-4o#transcript", "api_key": KEY}
    created = client.ask("POST", "/api/conversations/create", asked)
    assert created.status == 200
    assert list(created.json) == ["conversation_id", "title", "created_time", "model", "api_key"]
    number, moment = created.json["conversation_id"], created.json["created_time"]
    assert (type(number), type(moment)) == (int, int)
    assert (created.json["title"], created.json["model"]) == ("My New Conversation", "gpt-4o#transcript")
    assert created.json["api_key"].endswith("NARY")
    assert len(created.json["api_key"]) < len(KEY) / 2, "the key comes back masked"

    streamed = client.ask("POST", f"/api/chat/{number}", {"message": QUESTION})
    assert streamed.status == 200
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *pieces, done, whole = events(streamed)
    assert {piece["event"] for piece in pieces} == {"message"}
    assert pieces
    assert done == {"event": "done", "data": "Stream finished"}
    assert whole == {"event": "full_response", "data": "".join(piece["data"] for piece in pieces)}
    assert whole["data"] == f"You said: {QUESTION} "
    served = upstream.sent("transcript")
    assert served is not None
    assert served.body["messages"] == [{"role": "user", "content": QUESTION}]

    head = {"conversation_id": number, "title": "My New Conversation", "created_time": moment}
    history = client.ask("GET", f"/api/conversations/history/{number}")
    assert history.status == 200
    assert history.json == head | {
        "model": "gpt-4o#transcript",
        "messages": [
            {"role": "user", "content": QUESTION, "message_id": 1},
            {"role": "assistant", "content": f"You said: {QUESTION} ", "message_id": 2},
        ],
    }
    listed = client.ask("GET", "/api/conversations/list")
    assert (listed.status, listed.json) == (200, [head])
    deleted = client.ask("POST", f"/api/conversations/del/{number}")
    assert (deleted.status, deleted.json) == (200, {"message": "Conversation deleted successfully"})
    for method, path in (("GET", "history"), ("POST", "del")):
        assert client.ask(method, f"/api/conversations/{path}/{number}").status == 404
    assert client.ask("GET", "/api/conversations/list").json == []


@given(st.lists(st.text(), max_size=8))
def test_whatever_the_text_holds_its_reader_gets_it(texts: list[str]) -> None:
    encode = wire.Stream()
    told = [encode([(place, "delta", clean_text(text))]) for place, text in enumerate(texts, 1)]
    whole = "".join(clean_text(text) for text in texts)
    told.append(encode([(99, "finished", {"status": "complete", "message": {"content": whole}})]))
    answer = Answer(200, {}, b"".join(told))
    *pieces, done, last = events(answer)
    assert "".join(piece["data"] for piece in pieces) == last["data"] == whole
    assert done["event"] == "done"


def test_what_register_and_login_refuse(server: Server, rob: Client) -> None:
    for body in (
        {"username": "rob", "password": "SecureP@ssw0rd!"},
        {"username": "ROB", "password": "SecureP@ssw0rd!"},
        {"username": "x", "password": "SecureP@ssw0rd!"},
        {"username": "somebody", "password": "short"},
        {"username": "bootstrap", "password": "SecureP@ssw0rd!"},
        {"username": "somebody"},
        {},
    ):
        refused = call(server.port, "POST", "/api/users/register", body)
        assert refused.status == 400, body
        assert list(refused.json) == ["error"]
    for body in ({"username": "rob", "password": "wrong"}, {"username": "nobody", "password": "SecureP@ssw0rd!"}):
        refused = call(server.port, "POST", "/api/users/login", body)
        assert (refused.status, list(refused.json)) == (401, ["error"])
    assert rob.ask("GET", "/auth/me").json["email"].endswith("@parley.invalid")


def test_the_token_lasts_a_day_and_ends_with_its_session(server: Server) -> None:
    client = client_of(server, "lasting")
    claims = json.loads(_decoded(client.token.split(".")[1]))
    assert claims["exp"] - claims["iat"] == 24 * 3600
    session = client.ask("GET", "/auth/sessions").json["items"][0]["id"]
    assert client.ask("DELETE", f"/auth/sessions/{session}").status == 204
    refused = client.ask("GET", "/api/conversations/list")
    assert (refused.status, list(refused.json)) == (401, ["error"])


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    ("text", "status"), [("abc", 400), ("1.5", 400), ("٣", 400), ("-1", 404), ("0", 404), ("9" * 30, 404), ("77", 404)]
)
def test_numbers_that_are_none(rob: Client, text: str, status: int) -> None:
    for method, path, body in (
        ("GET", "/api/conversations/history/", None),
        ("POST", "/api/conversations/del/", None),
        ("POST", "/api/chat/", {"message": "hello"}),
    ):
        refused = rob.ask(method, path + quote(text), body)
        assert (refused.status, list(refused.json)) == (status, ["error"]), (path, text)


def test_nobody_elses(server: Server) -> None:
    jim, eve = client_of(server, "jim"), client_of(server, "eve")
    numbers = [jim.created() for _ in range(3)]
    assert numbers == sorted(set(numbers))
    for number in (numbers[-1], 10**6):
        assert eve.ask("GET", f"/api/conversations/history/{number}").status == 404
        assert eve.ask("POST", f"/api/chat/{number}", {"message": "hello"}).status == 404
        assert eve.ask("POST", f"/api/conversations/del/{number}").status == 404
    jim.ask("POST", f"/api/conversations/del/{numbers[-1]}")
    assert jim.created() == numbers[-1] + 1, "a number is never given twice"
    assert [one["conversation_id"] for one in jim.ask("GET", "/api/conversations/list").json] == [
        numbers[-1] + 1,
        numbers[1],
        numbers[0],
    ], "newest first"


def test_the_slash_at_the_end_is_no_redirect(rob: Client) -> None:
    answer = rob.ask("POST", f"/api/chat/{rob.created()}/", {"message": "demo:fast hello"})
    assert answer.status == 200
    assert events(answer)[-1]["event"] == "full_response"


def test_bodies(rob: Client) -> None:
    number = rob.created()
    for body in ({}, {"message": ""}, {"message": " \n"}, {"message": None}, {"message": 5}, []):
        refused = rob.ask("POST", f"/api/chat/{number}", body)
        assert (refused.status, list(refused.json)) == (400, ["error"]), body
    for body in ({}, {"title": "t"}, {"model": "demo"}, {"title": " ", "model": "demo"}, {"title": "t", "model": ""}):
        assert rob.ask("POST", "/api/conversations/create", body).status == 400, body
    assert rob.created(made_up=1), "what we do not know is ignored"
    assert rob.ask("GET", f"/api/conversations/history/{number}").json["messages"] == []


def test_a_key_becomes_one_config_of_its_provider(server: Server) -> None:
    client = client_of(server, "keyed")
    for model in ("gpt-4o", "gpt-4o", "claude-3-5-haiku-latest", "gemini-2.5-flash", "made-up"):
        client.created(model=model, api_key=KEY)
    client.created(model="gpt-4o", api_key=KEY + "2")
    client.created(model="gpt-4o", api_key="")
    configs = client.ask("GET", "/model-configs").json["items"]
    assert [(one["name"], one["provider"]) for one in configs] == [
        ("gpt-4o", "openai"),
        ("claude-3-5-haiku-latest", "anthropic"),
        ("gemini-2.5-flash", "gemini"),
        ("made-up", "openai"),
        ("gpt-4o 2", "openai"),
    ]
    assert not any(KEY in str(one) for one in configs)
    refused = client.ask("POST", "/api/conversations/create", {"title": "t", "model": "x", "api_key": "two words"})
    assert refused.status == 400
    assert "two words" not in refused.json["error"]


def test_a_key_without_the_scope_saves_no_key(rob: Client) -> None:
    made = rob.ask("POST", "/api-keys", {"name": "small", "scopes": ["chat"]})
    small = Client(rob.port, made.json["key"])
    assert small.created() > 0
    refused = small.ask("POST", "/api/conversations/create", {"title": "t", "model": "gpt-4o", "api_key": KEY})
    assert (refused.status, list(refused.json)) == (403, ["error"])


@pytest.mark.parametrize(
    ("model", "status"),
    [("status:401", 502), ("status:429:30", 429), ("status:500", 502), ("html", 502), ("nothing/here", 404)],
)
def test_a_failure_before_the_first_byte_has_its_status(rob: Client, model: str, status: int) -> None:
    keyed = {} if "/" in model else {"api_key": KEY}
    number = rob.created(model=model, **keyed)
    refused = rob.ask("POST", f"/api/chat/{number}", {"message": "hello"})
    assert (refused.status, list(refused.json)) == (status, ["error"])
    assert refused.headers["content-type"] == "application/json"
    assert (refused.headers.get("retry-after") == "30") is (status == 429)


def test_a_failure_in_mid_stream_claims_no_success(rob: Client) -> None:
    told = rob.said(rob.created(model="error-in-stream:5", api_key=KEY), "hello")
    assert [one["event"] for one in told[:-1]] == ["message"] * (len(told) - 1)
    assert told[-1]["event"] == "error"
    assert told[-1]["data"]


def test_a_reader_who_leaves_loses_nothing(rob: Client, upstream: Upstream) -> None:
    number = rob.created(model="count:60:20#left", api_key=KEY)
    with rob.native().streamed("POST", f"/api/chat/{number}", {"message": "count"}) as stream:
        assert stream.status == 200
        stream.response.readline()
    whole = "".join(f"{count} " for count in range(1, 61))
    path = f"/api/conversations/history/{number}"
    until(lambda: [one["content"] for one in rob.ask("GET", path).json["messages"]] == ["count", whole])
    busy = rob.created(model="stall:3#busy", api_key=KEY)
    with rob.native().streamed("POST", f"/api/chat/{busy}", {"message": "one"}) as stream:
        stream.response.readline()
        refused = rob.ask("POST", f"/api/chat/{busy}", {"message": "two"})
        assert (refused.status, list(refused.json)) == (409, ["error"])
        assert rob.ask("POST", f"/api/conversations/del/{busy}").status == 200, "what runs there is stopped"
    until(lambda: upstream.sent("busy").left)  # type: ignore[union-attr]


def test_the_same_chats_as_everywhere(rob: Client) -> None:
    native = rob.native()
    number = rob.created(title="Both ways")
    rob.said(number, "demo:fast first")
    chat = native.call("GET", "/chats").json["items"][0]
    assert (chat["number"], chat["title"]) == (number, "Both ways")
    answered = native.call("POST", f"/chats/{chat['id']}/messages", {"content": "demo:fast second"})
    assert answered.status == 201
    said = rob.ask("GET", f"/api/conversations/history/{number}").json["messages"]
    assert [one["content"] for one in said if one["role"] == "user"] == ["demo:fast first", "demo:fast second"]
    assert [one["message_id"] for one in said] == [1, 2, 3, 4]
    generation = native.messages(chat["id"])[1]["metadata"]["generation_id"]
    assert native.generation(generation)["surface"] == "llm_backend"
