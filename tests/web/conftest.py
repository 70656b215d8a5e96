"""Acting over HTTP: accounts that are registered and signed in through the routes themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import SECRETS

PASSWORD = "correct horse battery"
FROM_PAGE = {"X-Page-Secret": SECRETS["page_secret"]}


@dataclass(frozen=True)
class Actor:
    """One signed-in account: `actor.get("/auth/me")`."""

    client: FlaskClient
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        user_id: str = self.tokens["user"]["id"]
        return user_id

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.tokens["access_token"])

    def ask(self, method: str, path: str, body: object = None) -> TestResponse:
        return self.client.open(path, method=method, json=body, headers=self.headers)

    def get(self, path: str) -> TestResponse:
        return self.ask("GET", path)

    def post(self, path: str, body: object = None) -> TestResponse:
        return self.ask("POST", path, {} if body is None else body)

    def key(self, *scopes: str) -> dict[str, str]:
        """The headers of a new API key."""
        answer = self.post("/api-keys", {"name": "test", "scopes": list(scopes)})
        assert answer.status_code == 201, answer.text
        return bearer(answer.json["key"])


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def register(client: FlaskClient, username: str, /, **more: Any) -> TestResponse:
    body = {"email": f"{username}@example.org", "username": username, "password": PASSWORD}
    return client.post("/auth/register", json=body | more)


def sign_in(client: FlaskClient, username: str, **headers: str) -> Actor:
    answer = client.post("/auth/login", json={"username": username, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 200, answer.text
    return Actor(client, answer.json)


@pytest.fixture
def actor(app: Flask) -> Callable[[str], Actor]:
    """A factory: `actor("ann")` registers and signs in. The first one is the admin."""

    def make(username: str) -> Actor:
        answer = register(app.test_client(), username)
        assert answer.status_code == 201, answer.text
        return sign_in(app.test_client(), username)

    return make


@pytest.fixture
def ann(actor: Callable[[str], Actor]) -> Actor:
    return actor("ann")
