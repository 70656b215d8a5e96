from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.domain.ids import new_id
from tests.web.conftest import PASSWORD, Actor, register, sign_in


def test_a_profile_is_changed_in_part(ann: Actor) -> None:
    sent = {
        "full_name": "Ann Lee", "bio": "I write.\nA lot.", "date_of_birth": "1990-05-17", "profession": "Writer",
        "avatar_url": "https://example.org/a.png", "username": "ann.lee",
        "preferences": {"time_zone": "Asia/Tokyo", "default_model": "demo/demo", "titles": "words", "theme": "dark"},
    }  # fmt: skip
    changed = ann.ask("PATCH", "/users/me", sent)
    assert changed.status_code == 200, changed.text
    assert {name: changed.json[name] for name in sent} == sent
    again = ann.ask("PATCH", "/users/me", {"bio": None, "preferences": {"theme": None}})
    assert again.json["bio"] is None
    assert again.json["full_name"] == "Ann Lee"
    assert "theme" not in again.json["preferences"]
    assert ann.get("/auth/me").json == again.json


@pytest.mark.parametrize(
    "body",
    [
        {"role": "admin"}, {"email": "x@example.org"}, {"is_active": False}, {"id": str(new_id())},
        {"username": None}, {"username": "a b"}, {"username": "anonymous"}, {"full_name": "x" * 201},
        {"full_name": "a\0b"}, {"bio": "a\0b"}, {"date_of_birth": "0"}, {"date_of_birth": 0},
        {"date_of_birth": "1890-01-01"}, {"date_of_birth": "2990-01-01"}, {"date_of_birth": "1990-02-30"},
        {"avatar_url": "javascript:alert(1)"}, {"avatar_url": "x"}, {"preferences": {"time_zone": "a b"}},
        {"preferences": {"time_zone": "Mars/Olympus"}}, {"preferences": {"time_zone": "localtime"}},
        {"preferences": {"theme": "pink"}}, {"preferences": {"other": 1}}, {"preferences": []},
    ],
)  # fmt: skip
def test_what_a_profile_refuses(ann: Actor, body: dict[str, Any]) -> None:
    before = ann.get("/auth/me").json
    answer = ann.ask("PATCH", "/users/me", body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"].startswith("/" + next(iter(body)))
    assert ann.get("/auth/me").json == before


def test_a_new_password_ends_the_other_sessions(ann: Actor, client: FlaskClient) -> None:
    other = sign_in(client, "ann")
    wrong = ann.ask("PUT", "/users/me/password", {"current_password": "wrong one", "new_password": "a new password"})
    assert (wrong.status_code, wrong.json["code"]) == (403, "wrong_password")
    short = ann.ask("PUT", "/users/me/password", {"current_password": PASSWORD, "new_password": "short"})
    assert (short.status_code, short.json["errors"][0]["pointer"]) == (422, "/new_password")
    done = ann.ask("PUT", "/users/me/password", {"current_password": PASSWORD, "new_password": "a new password"})
    assert done.status_code == 204
    assert ann.get("/auth/me").status_code == 200
    assert other.get("/auth/me").status_code == 401
    assert client.post("/auth/login", json={"username": "ann", "password": PASSWORD}).status_code == 401
    assert client.post("/auth/login", json={"username": "ann", "password": "a new password"}).status_code == 200


def test_a_stolen_session_cannot_guess_the_password_for_ever(ann: Actor) -> None:
    body = {"password": "wrong password"}
    statuses = [ann.ask("DELETE", "/users/me", body).status_code for _ in range(11)]
    assert statuses[0] == 403
    assert statuses[-1] == 429


@pytest.mark.parametrize("whose", ["ann", "nobody"])
def test_attempts_that_are_left_do_not_tell_whose_account_there_is(
    actor: Callable[[str], Actor], client: FlaskClient, whose: str
) -> None:
    actor("ann")
    left = []
    for number, name in enumerate((whose, f"{whose} ", f" {whose.upper()}")):
        answer = client.post(
            "/auth/login",
            json={"username": name, "password": "a wrong password"},
            environ_base={"REMOTE_ADDR": f"192.0.2.{number}"},
        )
        found = re.search(r"r=(\d+)", answer.headers["RateLimit"])
        assert answer.status_code == 401
        assert found
        left.append(int(found[1]))
    at_first = 8 if whose == "ann" else 9  # ann's own sign-in was one of ten
    assert left == [at_first, at_first - 1, at_first - 2]


def test_the_spellings_of_an_account_are_one_limit(actor: Callable[[str], Actor], client: FlaskClient) -> None:
    actor("ann")
    names = itertools.cycle(("ann", "ANN ", "ann@example.org", " Ann@Example.org"))
    statuses = [
        client.post(
            "/auth/login",
            json={"username": name, "password": "a wrong password"},
            environ_base={"REMOTE_ADDR": f"192.0.2.{number}"},
        ).status_code
        for number, name in zip(range(11), names, strict=False)
    ]
    assert statuses == [401] * 9 + [429] * 2  # signing in was the first of ten


def test_the_last_administrator_stays(actor: Callable[[str], Actor]) -> None:
    ann, ben = actor("ann"), actor("ben")
    refused = ann.ask("DELETE", "/users/me", {"password": PASSWORD})
    assert (refused.status_code, refused.json["code"]) == (409, "last_admin")
    assert ann.get("/auth/me").status_code == 200
    assert ben.ask("DELETE", "/users/me", {"password": PASSWORD}).status_code == 204


def test_an_account_deletes_itself_with_its_password(actor: Callable[[str], Actor], client: FlaskClient) -> None:
    actor("ann")
    ben = actor("ben")
    key = ben.key("chat")
    assert ben.ask("DELETE", "/users/me", {"password": "wrong password"}).status_code == 403
    assert ben.ask("DELETE", "/users/me", {"password": PASSWORD}).status_code == 204
    assert ben.get("/auth/me").status_code == 401
    assert client.get("/auth/me", headers=key).status_code == 401
    assert client.post("/auth/login", json={"username": "ben", "password": PASSWORD}).status_code == 401
    again = register(client, "ben")
    assert (again.status_code, again.json["role"]) == (201, "member")


def test_others_see_the_public_part_only(actor: Callable[[str], Actor]) -> None:
    ann, ben = actor("ann"), actor("ben")
    shown = ben.get(f"/users/{ann.id}").json
    assert shown == {"id": ann.id, "username": "ann", "full_name": None, "bio": None, "avatar_url": None}
    for unknown in (str(new_id()), "ann", "0"):
        answer = ben.get(f"/users/{unknown}")
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
