"""Input that once got past: each is refused in the documented way, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import Actor

KEY = "f47ac10b58cc" + "4372a5670e02" + "bootstrap"


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


def test_an_empty_slug_is_none(actor: Callable[..., Actor], client: FlaskClient) -> None:
    assert client.post("/chats", json={"slug": ""}, headers=actor("ann").headers).status_code == 422


def test_the_bootstrap_account_keeps_its_name_and_the_server_its_start(make_app: Callable[..., Any]) -> None:
    first = make_app(api_key=KEY).test_client()
    headers = {"Authorization": f"Bearer {KEY}"}
    assert first.patch("/users/me", json={"username": "renamed"}, headers=headers).status_code == 403
    again = make_app(api_key=KEY).test_client()
    assert again.get("/auth/me", headers=headers).json["username"] == "bootstrap"
