from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.domain.ids import new_id
from tests.conftest import SECRETS
from tests.web.conftest import PASSWORD, Actor, bearer, register, sign_in

MakeApp = Callable[..., Flask]


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


# --- registering


def test_registering_answers_with_the_account(client: FlaskClient) -> None:
    answer = register(client, "ann", full_name=" Ann ")
    assert answer.status_code == 201
    shown = answer.json
    assert {name: shown[name] for name in ("email", "username", "full_name", "role", "preferences")} == {
        "email": "ann@example.org", "username": "ann", "full_name": "Ann", "role": "admin", "preferences": {},
    }  # fmt: skip
    assert set(shown) == {
        "id", "email", "username", "full_name", "bio", "date_of_birth", "profession", "avatar_url", "role",
        "preferences", "created_at", "updated_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"username": "an"}, 422, "/username"),
        ({"username": "bootstrap"}, 422, "/username"),
        ({"email": "nowhere"}, 422, "/email"),
        ({"password": "short"}, 422, "/password"),
        ({"password": "12345678\0"}, 422, "/password"),
        ({"full_name": "a\nb"}, 422, "/full_name"),
        ({"role": "admin"}, 422, "/role"),
        ({"is_active": True}, 422, "/is_active"),
        ({"email": 5}, 422, "/email"),
    ],
)
def test_what_registration_refuses(client: FlaskClient, change: dict[str, Any], status: int, pointer: str) -> None:
    answer = register(client, "ann", **change)
    assert answer.status_code == status
    assert answer.json["errors"][0]["pointer"] == pointer
    assert change.get("password", PASSWORD) not in answer.text
    assert register(client, "ann").json["role"] == "admin"


def test_registration_tells_all_that_is_wrong_at_once(client: FlaskClient) -> None:
    answer = register(client, "a", email="nowhere", password="short")
    told = {entry["pointer"]: entry["detail"] for entry in answer.json["errors"]}
    assert list(told) == ["/email", "/username", "/password"]
    assert all(detail in answer.json["detail"] for detail in told.values())
    assert "short" not in answer.text


def test_a_taken_name_is_a_conflict(client: FlaskClient) -> None:
    register(client, "ann")
    answer = register(client, "ANN")
    assert code(answer) == (409, "already_taken")
    assert [entry["pointer"] for entry in answer.json["errors"]] == ["/email", "/username"]
    answer = register(client, "ben", email="ann@example.org")
    assert [entry["pointer"] for entry in answer.json["errors"]] == ["/email"]


def test_of_twenty_parallel_registrations_one_is_admin(make_app: MakeApp) -> None:
    app = make_app(login_limit=1000)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: register(app.test_client(), f"user{number}"), range(20)))
    assert Counter(answer.json["role"] for answer in answers) == {"admin": 1, "member": 19}


def test_production_asks_the_first_account_for_the_code(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app = make_app(parley_env="production", registration="closed")
    client = app.test_client()
    expected = capsys.readouterr().err.split("set-up code ")[1].strip()
    assert code(register(client, "ann")) == (403, "setup_code_required")
    assert code(register(client, "ann", setup_code="guess")) == (403, "setup_code_required")
    assert register(client, "ann", setup_code=expected).json["role"] == "admin"
    assert code(register(client, "ben", setup_code=expected)) == (403, "registration_closed")


# --- signing in


def test_signing_in_by_name_or_address(client: FlaskClient) -> None:
    register(client, "ann")
    for who in ({"username": "Ann"}, {"email": "ANN@example.org"}, {"username": "ann@example.org"}):
        answer = client.post("/auth/login", json=who | {"password": PASSWORD})
        assert answer.status_code == 200
        tokens = answer.json
        assert set(tokens) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
        assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 600)
        assert client.get("/auth/me", headers=bearer(tokens["access_token"])).json == tokens["user"]


@pytest.mark.parametrize(
    "body", [{}, {"username": "ann"}, {"password": "x"}, {"username": "a", "email": "b", "password": "x"}]
)
def test_signing_in_takes_one_name_and_a_password(client: FlaskClient, body: dict[str, str]) -> None:
    assert client.post("/auth/login", json=body).status_code == 422


def test_unknown_wrong_and_disabled_look_the_same(app: Flask, actor: Callable[[str], Actor]) -> None:
    actor("ann")
    ben = actor("ben")
    store = app.extensions["parley"].accounts._store
    store.write(lambda work: work.accounts.update(work.accounts.by_username("ben").id, {"is_active": False}))
    seen = set()
    for username, password in (("ann", "wrong password"), ("ben", PASSWORD), ("nobody", PASSWORD), ("a\0", PASSWORD)):
        answer = app.test_client().post("/auth/login", json={"username": username, "password": password})
        problem = {name: value for name, value in answer.json.items() if name != "request_id"}
        headers = {name: value for name, value in answer.headers if name != "X-Request-ID" and "RateLimit" not in name}
        seen.add((answer.status_code, str(problem), str(headers)))
    assert len(seen) == 1
    assert "'code': 'bad_credentials'" in seen.pop()[1]
    assert code(ben.get("/auth/me")) == (401, "session_ended")


def test_attempts_are_limited_before_the_password_is_looked_at(make_app: MakeApp) -> None:
    client = make_app(login_limit=3).test_client()
    register(client, "ann")
    attempt = {"username": "ann", "password": "wrong password"}
    assert [client.post("/auth/login", json=attempt).status_code for _ in range(4)] == [401, 401, 401, 429]
    right = client.post("/auth/login", json={"username": "ann", "password": PASSWORD})
    assert code(right) == (429, "rate_limited")
    assert int(right.headers["Retry-After"]) > 0


# --- one credential, from one place


def test_a_key_counts_in_one_header_only(ann: Actor, client: FlaskClient) -> None:
    key = ann.key("read")["Authorization"].removeprefix("Bearer ")
    token = ann.tokens["access_token"]
    assert client.get("/auth/me", headers=bearer(key)).status_code == 200
    assert client.get("/auth/me", headers={"Authorization": f"bearer  {token}"}).status_code == 200
    for headers in (
        {}, {"X-API-Key": key}, {"Api-Key": key}, {"Authorization": key}, {"Authorization": f"Token {key}"},
        {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {key} {token}"},
        {"Authorization": f"Bearer {key}, Bearer {token}"}, {"Cookie": f"access_token_cookie={token}"},
        {"Authorization": "Bearer " + "é" * 50}, {"Authorization": "Bearer " + "a" * 5000},
        {"Authorization": "Bearer a.b.c"}, {"Authorization": "Bearer eyJ.e30."}, {"Authorization": "Basic YTpi"},
    ):  # fmt: skip
        answer = client.get(f"/auth/me?access_token={token}&jwt={token}", headers=headers)
        assert code(answer) == (401, "unauthenticated"), headers
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_tokens_not_of_our_making_are_refused(ann: Actor, client: FlaskClient) -> None:
    secret = SECRETS["jwt_secret"]
    good = jwt.decode(ann.tokens["access_token"], secret, algorithms=["HS256"])

    def made(changes: dict[str, Any], key: str = secret, algorithm: str = "HS256", **header: Any) -> str:
        claims = {name: value for name, value in (good | changes).items() if value is not None}
        return jwt.encode(claims, key, algorithm, headers=header)

    assert client.get("/auth/me", headers=bearer(made({}))).status_code == 200
    forged = {
        "other secret": made({}, key="x" * 64),
        "no algorithm": made({}, key="", algorithm="none"),
        "other algorithm": made({}, algorithm="HS512"),
        "critical extension": made({}, crit=["exp"]),
        "unknown critical extension": made({}, crit=["x"], x=1),
        "refresh token": ann.tokens["refresh_token"],
        "other type": made({"type": "x"}),
        "no session": made({"sid": None}),
        "unknown session": made({"sid": str(new_id())}),
        "odd session": made({"sid": ["x"]}),
        "other account": made({"sub": str(new_id())}),
        "number for an account": made({"sub": 5}),
        "no account": made({"sub": None}),
        "not yet": made({"nbf": good["nbf"] + 3600}),
        "over": made({"exp": good["iat"] - 3600}),
        "cut": ann.tokens["access_token"][:-3],
    }
    for what, token in forged.items():
        answer = client.get("/auth/me", headers=bearer(token))
        assert answer.status_code == 401, what


def test_an_access_token_lives_ten_minutes(client: FlaskClient) -> None:
    register(client, "ann")
    with time_machine.travel(dt.datetime(2030, 1, 1, tzinfo=dt.UTC), tick=False) as clock:
        actor = sign_in(client, "ann")
        clock.shift(599)
        assert actor.get("/auth/me").status_code == 200
        clock.shift(10)
        assert code(actor.get("/auth/me")) == (401, "token_expired")
        renewed = client.post("/auth/refresh", json={"refresh_token": actor.tokens["refresh_token"]})
        assert Actor(client, renewed.json).get("/auth/me").status_code == 200


# --- sessions


def test_refreshing_rotates_and_two_tabs_get_the_same_successor(client: FlaskClient) -> None:
    def refresh(token: str) -> TestResponse:
        return client.post("/auth/refresh", json={"refresh_token": token})

    def jti(token: str) -> str:
        name: str = jwt.decode(token, SECRETS["jwt_secret"], algorithms=["HS256"])["jti"]
        return name

    register(client, "ann")
    with time_machine.travel(dt.datetime(2030, 1, 1, tzinfo=dt.UTC), tick=False) as clock:
        first = sign_in(client, "ann").tokens["refresh_token"]
        second = refresh(first).json["refresh_token"]
        clock.shift(20)
        assert jti(refresh(first).json["refresh_token"]) == jti(second) != jti(first)
        clock.shift(11)
        access = refresh(second).json["access_token"]
        assert code(refresh(first)) == (401, "session_ended")
        assert code(client.get("/auth/me", headers=bearer(access))) == (401, "session_ended")
        assert code(refresh(second)) == (401, "session_ended")


def test_what_is_not_a_refresh_token(ann: Actor, client: FlaskClient) -> None:
    for wrong in (ann.tokens["access_token"], "", "x", "a.b.c"):
        assert code(client.post("/auth/refresh", json={"refresh_token": wrong})) == (401, "unauthenticated")
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(days=31)):
        answer = client.post("/auth/refresh", json={"refresh_token": ann.tokens["refresh_token"]})
    assert code(answer) == (401, "session_ended")


def test_logging_out_bites_at_once_and_here_only(ann: Actor, client: FlaskClient) -> None:
    other = sign_in(client, "ann")
    key = ann.key("admin")
    answer = ann.post("/auth/logout")
    assert (answer.status_code, answer.data) == (204, b"")
    assert code(ann.get("/auth/me")) == (401, "session_ended")
    assert code(client.post("/auth/refresh", json={"refresh_token": ann.tokens["refresh_token"]})) == (
        401, "session_ended",
    )  # fmt: skip
    assert other.get("/auth/me").status_code == 200
    assert other.post("/auth/logout-all").status_code == 204
    assert other.get("/auth/me").status_code == 401
    assert client.get("/auth/me", headers=key).status_code == 200  # keys are revoked one by one


def test_sessions_are_listed_and_ended_by_their_owner(actor: Callable[[str], Actor], client: FlaskClient) -> None:
    ann, ben = actor("ann"), actor("ben")
    other = sign_in(client, "ann", **{"User-Agent": "Lynx/2.9"})
    items = ann.get("/auth/sessions").json["items"]
    assert [(item["user_agent"], item["current"]) for item in items][0] == ("Lynx/2.9", False)
    assert [item["current"] for item in items] == [False, True]
    assert set(items[0]) == {"id", "user_agent", "created_at", "last_used_at", "current"}
    foreign = ben.ask("DELETE", f"/auth/sessions/{items[0]['id']}")
    never = ben.ask("DELETE", f"/auth/sessions/{new_id()}")
    odd = ben.ask("DELETE", "/auth/sessions/none")
    assert {code(foreign), code(never), code(odd)} == {(404, "not_found")}
    assert ann.ask("DELETE", f"/auth/sessions/{items[0]['id']}").status_code == 204
    assert other.get("/auth/me").status_code == 401
    assert ann.get("/auth/me").status_code == 200
