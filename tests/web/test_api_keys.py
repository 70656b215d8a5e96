from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.domain.ids import new_id
from tests.web.conftest import Actor


def test_a_key_is_made_shown_once_listed_and_revoked(ann: Actor, client: FlaskClient) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=7)
    made = ann.post("/api-keys", {"name": "laptop", "scopes": ["chat"], "expires_at": end.isoformat()})
    assert made.status_code == 201
    key = made.json
    text = key.pop("key")
    assert ann.get("/api-keys").json == {"items": [key]}
    assert text not in ann.get("/api-keys").text
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/auth/me", headers=headers).json["username"] == "ann"
    assert ann.ask("DELETE", f"/api-keys/{key['id']}").status_code == 204
    assert client.get("/auth/me", headers=headers).status_code == 401
    assert ann.get("/api-keys").json == {"items": []}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "k"}, {"name": "", "scopes": ["read"]}, {"name": "k", "scopes": []},
        {"name": "k", "scopes": ["root"]}, {"name": "k", "scopes": ["read", "read"]}, {"name": "k", "scopes": "read"},
        {"name": "k", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "k", "scopes": ["read"], "expires_at": "2040-01-01T00:00:00"},
        {"name": "k\0", "scopes": ["read"]}, {"name": "k", "scopes": ["read"], "user_id": str(new_id())},
    ],
)  # fmt: skip
def test_what_is_not_a_key(ann: Actor, body: dict[str, Any]) -> None:
    assert ann.post("/api-keys", body).status_code == 422
    assert ann.get("/api-keys").json == {"items": []}


def test_another_accounts_key_is_as_unknown_as_none(actor: Callable[[str], Actor]) -> None:
    ann, ben = actor("ann"), actor("ben")
    key_id = ann.post("/api-keys", {"name": "k", "scopes": ["read"]}).json["id"]
    answers = [ben.ask("DELETE", f"/api-keys/{unknown}") for unknown in (key_id, new_id(), "odd")]
    assert {(answer.status_code, answer.json["code"], answer.json["detail"]) for answer in answers} == {
        (404, "not_found", "This API key does not exist.")
    }
    assert len(ann.get("/api-keys").json["items"]) == 1


def test_a_key_makes_no_key_that_may_more(ann: Actor, client: FlaskClient) -> None:
    refused = client.post("/api-keys", json={"name": "k", "scopes": ["admin"]}, headers=ann.key("chat"))
    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")
    made = client.post("/api-keys", json={"name": "k", "scopes": ["admin"]}, headers=ann.key("admin"))
    assert made.status_code == 201
