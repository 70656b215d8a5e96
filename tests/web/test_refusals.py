"""Input that once got past: each is refused in the documented way, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import Actor

KEY = "f47ac10b58cc" + "4372a5670e02" + "bootstrap"
ID = "0198f2c1-0000-7000-8000-000000000001"
OVER = "2020-01-01T00:00:00Z"


def test_a_chunked_body_over_the_limit_is_refused_whole(
    make_app: Callable[..., Flask], actor: Callable[..., Actor], client: FlaskClient
) -> None:
    ann = actor("ann")
    body = b'{"title": "big"}' + b" " * 11_000_000
    answer = client.post(
        "/chats",
        data=body,
        headers=ann.headers | {"Content-Type": "application/json"},
        environ_overrides={"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    )
    assert answer.status_code == 413, answer.text
    small = client.post(
        "/chats",
        data=b'{"title": "small"}',
        headers=ann.headers | {"Content-Type": "application/json"},
        environ_overrides={"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    )
    assert small.status_code == 201, small.text


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_is_none_in_utc(actor: Callable[..., Actor], client: FlaskClient, moment: str) -> None:
    values = {"name": "k", "scopes": ["read"], "expires_at": moment}
    assert client.post("/api-keys", json=values, headers=actor("ann").headers).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/prompts", {"name": "", "content": "a"}, "/name: Text should have at least 1 character"),
        ("POST", "/chats", {"folder": "x" * 101}, "/folder: Text should have at most 100 characters"),
        ("POST", "/chats", {"title": "two\nlines"}, "/title: Must be one line without control characters"),
        ("POST", "/chats", {"title": "x" * 201}, "/title: String should have at most 200 characters"),
        ("POST", "/chats/bulk", {"action": "pin", "ids": []}, "/ids: List should have at least 1 item after"),
        ("GET", "/chats/x/messages?around=a&after=b", None, "The request: send one of `before`, `after` and `around`"),
        ("POST", "/chats/bulk", {"action": "move", "ids": ["a"]}, "The request: move takes `folder`: a name"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_the_thing(
    actor: Callable[..., Actor], method: str, path: str, body: Any, words: str
) -> None:
    answer = actor("ann").ask(method, path, body)
    assert answer.status_code == 422
    assert answer.get_json()["detail"].startswith(words)


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer", "words"),
    [
        ("POST", "/chats/own/messages", {"content": " "}, "/content", "needs some text"),
        ("POST", "/chats/own/messages", {"content": "x" * 200_001}, "/content", "at most"),
        ("POST", "/chats/own/messages", {"content": "a\0b"}, "/content", "NUL"),
        ("POST", "/chats/own/messages", {"content": "a", "attachments": [ID, ID]}, "/attachments", "each file once"),
        ("POST", "/chats/own/messages", {"content": "a", "attachments": [*"abcdefghijk"]}, "/attachments", "at most"),
        ("POST", "/chats/own/compare", {"content": "a", "models": ["demo", "demo"]}, "/models", "each model once"),
        ("POST", "/chats", {"slug": "a b"}, "/slug", "letters, digits"),
        ("PATCH", "/chats/own", {"slug": ID}, "/slug", "not a UUID"),
        ("GET", "/chats?cursor=x", None, "/cursor", "start again"),
        ("GET", "/images?cursor=x", None, "/cursor", "start again"),
        ("GET", "/search?q=word&cursor=x", None, "/cursor", "start again"),
        ("GET", "/usage?from=2026-02-02&to=2026-01-01", None, "/from", "ends before"),
        ("POST", "/api-keys", {"name": "k", "scopes": ["read"], "expires_at": OVER}, "/expires_at", "in the future"),
        ("POST", "/prompts", {"name": "Blank", "content": " \n"}, "/content", "needs some text"),
        ("POST", "/prompts/letter/render", {"values": {"age": "old"}}, "/values/age", "a number"),
        ("POST", "/prompts/letter/render", {"values": {"a/~": "x"}}, "/values/a~1~0", "no variable"),
        ("POST", "/images/generations", {"prompt": " "}, "/prompt", "what the image should show"),
        ("PATCH", "/admin/settings", {"reset": ["no_such"]}, "/reset", "no setting"),
        ("PATCH", "/admin/settings", {"default_model": "bare"}, "/default_model", "provider/model"),
        ("PUT", "/admin/budgets", {"scope": "instance", "period": "day"}, "/tokens", "either tokens or dollars"),
        ("PUT", "/admin/budgets", {"scope": "user", "period": "day", "tokens": 1}, "/user_id", "names its user_id"),
        ("PATCH", "/users/me", {"avatar_url": f"/users/{ID}/avatar"}, "/avatar_url", "is uploaded"),
    ],
)
def test_what_is_refused_below_the_routes_names_its_field_too(
    ann: Actor, method: str, path: str, body: Any, pointer: str, words: str
) -> None:
    ann.post("/chats", {"slug": "own"})
    ann.post("/prompts", {"name": "Letter", "content": "{{age: number}}"})
    answer = ann.ask(method, path, body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid"), answer.text
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]
    assert words in answer.json["detail"]
    assert answer.json["errors"][0]["detail"] == answer.json["detail"], "beside a field all that is to be said"
    assert answer.json["errors"][0]["code"]


def test_a_body_of_another_kind_is_told_which_are_taken(actor: Callable[..., Actor]) -> None:
    ann = actor("ann")
    told = {
        path: ann.client.post(path, data=b"x", content_type="text/plain", headers=ann.headers).get_json()["detail"]
        for path in ("/chats", "/attachments", "/imports")
    }
    assert told["/chats"] == "Send the body as application/json."
    assert told["/attachments"] == "Send the body as multipart/form-data."
    assert "application/zip" in told["/imports"]


def test_an_empty_slug_is_none(actor: Callable[..., Actor], client: FlaskClient) -> None:
    assert client.post("/chats", json={"slug": ""}, headers=actor("ann").headers).status_code == 422


def test_the_bootstrap_account_keeps_its_name_and_the_server_its_start(make_app: Callable[..., Any]) -> None:
    first = make_app(api_key=KEY).test_client()
    headers = {"Authorization": f"Bearer {KEY}"}
    assert first.patch("/users/me", json={"username": "renamed"}, headers=headers).status_code == 403
    again = make_app(api_key=KEY).test_client()
    assert again.get("/auth/me", headers=headers).json["username"] == "bootstrap"
