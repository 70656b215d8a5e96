"""Who may ask Chat2AnyLLM's surface, and which models are named to whom."""

from __future__ import annotations

import http.client
import json
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.anyllm import person, refused, said, session, signed_in
from tests.server import Answer, Person, Server, call, running_server
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("chat2anyllm")


def test_signing_in(server: Server) -> None:
    person(server, "any_login")
    right = {"username": "any_login", "password": "any_login has a long password"}
    for body in ({}, {"username": "any_login"}, {"password": "x"}, {"username": None, "password": None}, []):
        refused(call(server.port, "POST", "/api/login", body), 400)
    words = {
        refused(call(server.port, "POST", "/api/login", right | wrong), 401)
        for wrong in ({"password": "wrong"}, {"username": "nobody_here"})
    }
    assert len(words) == 1, "never said which"
    assert call(server.port, "POST", "/api/login", right | {"username": "any_login@b.example"}).status == 200
    assert call(server.port, "POST", "/api/login", right | {"made_up": 1}).status == 200


def test_models_need_no_token_but_a_good_one(server: Server) -> None:
    person(server, "any_models")
    assert (nobody := call(server.port, "GET", "/api/models")).status == 200
    assert nobody.json == {"data": []}
    for token in ("Bearer nonsense", "Bearer eyJhbGciOiJub25lIn0.e30.", "Basic eA==", ""):
        refused(call(server.port, "GET", "/api/models", Authorization=token), 401)


def test_names_of_models_are_what_the_chat_takes(server: Server) -> None:
    ann = person(server, "any_names")
    for values in (
        {"name": "with blanks", "provider": "anthropic", "api_key": "sk-ant-0123456789", "model": "text"},
        {"name": "blank and\u00a0modelless", "provider": "custom", "base_url": f"http://127.0.0.1:{server.port}/x"},
        {"name": "modelless", "provider": "custom", "base_url": f"http://127.0.0.1:{server.port}/x"},
        {"name": "pictures", "provider": "imagerouter", "api_key": "key-0123456789", "model": "some/model"},
    ):
        assert ann.call("POST", "/model-configs", values).status == 201, values

    def names() -> list[str]:
        return [one["model_name"] for one in ann.call("GET", "/api/models").json["data"]]

    assert names() == ["mine", "anthropic/text", "demo/demo"], "nothing that cannot be used, and nobody was asked"
    ann.call("GET", "/v1/models")  # asks the providers
    found = names()
    assert found[:2] == ["mine", "anthropic/text"]
    assert len(found) == len(set(found)) > 3
    assert not any(name.split() != [name] for name in found)
    ours = session(ann)
    for name in ("mine", "anthropic/text", "demo/demo"):
        assert said(ann, ours, "demo:fast hello", name)


def cookie_of(answer: Answer) -> Any:
    (found,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return found


def test_the_cookie(server: Server) -> None:
    person(server, "any_cookie")
    login = signed_in(server, "any_cookie")
    cookie = cookie_of(login)
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/api", "Strict", True)
    assert (cookie["max-age"], cookie["secure"]) == (str(24 * 3600), ""), "over plain http"
    own = f"http://127.0.0.1:{server.port}"
    sent = {"Cookie": f"{cookie.key}={cookie.value}"}
    body = {"model": "mine", "messages": [{"role": "user", "content": "hello"}]}

    def asked(method: str, path: str, body: Any = None, **headers: str) -> Answer:
        return call(server.port, method, path, body, **sent | headers)

    assert [one["model_name"] for one in asked("GET", "/api/models").json["data"]][0] == "mine"
    for headers in ({}, {"Origin": own}):
        assert asked("POST", "/api/chat/completions", body, **headers).status == 200
        assert asked("POST", "/api/chat/completions/stream", body, **headers).status == 200
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        assert asked("GET", "/api/models", **headers).json == {"data": []}
        refused(asked("POST", "/api/chat/completions", body, **headers), 401)
        refused(asked("POST", "/api/chat/completions/stream", body, **headers), 401)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/api/chat/completions", json.dumps(body), sent | {"Content-Type": "text/plain"})
    assert connection.getresponse().status == 415, "a form of another page could send this"
    connection.close()
    for method, path, values in (
        ("GET", "/api/sessions", None),
        ("POST", "/api/sessions", {}),
        ("GET", "/api/roles", None),
        ("GET", "/api/conversations/list", None),
        ("GET", "/auth/me", None),
    ):
        assert asked(method, path, values).status == 401, path
    refused(asked("GET", "/api/models", Authorization="Bearer nonsense"), 401)
    ann = Person(server.port, login.json["token"])
    assert ann.call("POST", "/auth/logout").status == 204
    refused(asked("GET", "/api/models"), 401)
    refused(asked("POST", "/api/chat/completions", body), 401)


def test_public_models_and_a_cookie_of_two_hours(upstream: Upstream, tmp_path: Path) -> None:
    environment = {"OPENAI_BASE_URL": f"{upstream.url}/v1", "PUBLIC_MODELS": "true", "CLIENT_TOKEN_HOURS": "2"}
    with running_server(f"sqlite:///{tmp_path}/parley.db", tmp_path, **environment) as server:
        admin = person(server, "ann", shared=True)
        ben = person(server, "ben", name="own")
        public = call(server.port, "GET", "/api/models").json["data"]
        assert [one["model_name"] for one in public] == ["mine"], "what is shared, and nothing else"
        names = [one["model_name"] for one in ben.call("GET", "/api/models").json["data"]]
        assert names[:2] == ["own", "mine"]
        assert said(ben, session(ben), "hello", "mine") == "hello"
        right = {"username": "ann", "password": "ann has a long password"}
        assert cookie_of(call(server.port, "POST", "/api/login", right))["max-age"] == "7200"
        config = admin.call("GET", "/model-configs").json["items"][0]["id"]
        assert admin.call("PATCH", f"/model-configs/{config}", {"shared": False}).status == 200
        assert call(server.port, "GET", "/api/models").json == {"data": []}


def test_never_403(server: Server) -> None:
    """The client would throw its token away."""
    ann = person(server, "any_scopes")
    key = ann.call("POST", "/api-keys", {"name": "small", "scopes": ["read"]}).json["key"]
    small = Person(server.port, key)
    assert small.call("GET", "/api/sessions").status == 200
    refused(small.call("POST", "/api/sessions", {}), 409)
    refused(small.call("POST", "/api/chat/completions", {"messages": []}), 409)
