from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.web.auth import client_address
from tests.web.conftest import FROM_PAGE, PASSWORD, Actor, bearer, register, sign_in

MakeApp = Callable[..., Flask]


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_only_the_page_gets_a_handle_and_may_resume(client: FlaskClient) -> None:
    register(client, "ann")
    assert "handle" not in sign_in(client, "ann").tokens
    assert "handle" not in sign_in(client, "ann", **{"X-Page-Secret": "guess"}).tokens
    actor = sign_in(client, "ann", **FROM_PAGE)
    handle = {"handle": actor.tokens["handle"]}
    for headers in ({}, {"X-Page-Secret": ""}, {"X-Page-Secret": "guess"}, {"X-Page-Secret": "é"}, actor.headers):
        assert code(client.post("/auth/resume", json=handle, headers=headers)) == (403, "forbidden")
    assert code(client.get("/auth/me", headers=bearer(actor.tokens["handle"]))) == (401, "unauthenticated")
    for _ in range(2):
        answer = client.post("/auth/resume", json=handle, headers=FROM_PAGE)
        assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
        resumed = Actor(client, answer.json)
        assert resumed.get("/auth/me").status_code == 200
    renewed = client.post("/auth/refresh", json={"refresh_token": resumed.tokens["refresh_token"]})
    assert renewed.status_code == 200
    resumed.post("/auth/logout")
    assert code(client.post("/auth/resume", json=handle, headers=FROM_PAGE)) == (401, "session_ended")


@pytest.mark.parametrize(
    ("proxies", "headers", "expected"),
    [
        (0, {}, "192.0.2.1"),
        (0, {"X-Forwarded-For": "203.0.113.9"}, "192.0.2.1"),
        (1, {}, "192.0.2.1"),
        (1, {"X-Forwarded-For": "203.0.113.9"}, "203.0.113.9"),
        (1, {"X-Forwarded-For": "1.1.1.1, 203.0.113.9"}, "203.0.113.9"),
        (2, {"X-Forwarded-For": "1.1.1.1, 203.0.113.9, 10.0.0.1"}, "203.0.113.9"),
        (2, {"X-Forwarded-For": "203.0.113.9"}, "192.0.2.1"),
        (1, {"X-Forwarded-For": "not an address"}, "192.0.2.1"),
        (1, {"X-Forwarded-For": "2001:DB8::1"}, "2001:db8::1"),
        (0, {"X-Client-Address": "203.0.113.9"}, "192.0.2.1"),
        (0, {"X-Client-Address": "203.0.113.9", "X-Page-Secret": "guess"}, "192.0.2.1"),
        (0, {"X-Client-Address": "203.0.113.9"} | FROM_PAGE, "203.0.113.9"),
        (1, {"X-Client-Address": "203.0.113.9", "X-Forwarded-For": "1.1.1.1"} | FROM_PAGE, "203.0.113.9"),
        (0, {"X-Client-Address": "x"} | FROM_PAGE, "192.0.2.1"),
    ],
)
def test_whose_address_counts(make_app: MakeApp, proxies: int, headers: dict[str, str], expected: str) -> None:
    app = make_app(trusted_proxies=proxies)
    with app.test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        assert client_address() == expected


@pytest.mark.parametrize(
    ("proxies", "said", "https"),
    [
        (0, "https", False),
        (1, None, False),
        (1, "http", False),
        (1, "https", True),
        (1, " HTTPS ", True),
        (1, "https, http", False),
        (1, "http, https", True),
        (1, "gopher", False),
        (1, "https,", False),
        (2, "https", True),
        (2, "https, http", True),
        (2, "http, https", False),
        (2, "https, http, http", False),
    ],
)
def test_whose_word_on_the_line_counts(make_app: MakeApp, proxies: int, said: str | None, https: bool) -> None:
    client = make_app(trusted_proxies=proxies).test_client()
    register(client, "ann")
    headers = {} if said is None else {"X-Forwarded-Proto": said}
    answer = client.post("/api/login", json={"username": "ann", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 200
    assert ("Secure" in answer.headers["Set-Cookie"].split("; ")) == https
    assert ("Strict-Transport-Security" in answer.headers) == https


# --- metrics


def test_metrics_are_for_loopback_or_the_token(make_app: MakeApp) -> None:
    def ask(app: Flask, address: str = "127.0.0.1", **headers: str) -> int:
        return app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    plain, guarded = make_app(), make_app(metrics_token="a-token-for-metrics")
    assert [ask(plain), ask(plain, "::1"), ask(plain, "192.0.2.1")] == [200, 200, 403]
    assert ask(plain, **{"X-Forwarded-For": "127.0.0.1"}) == 403
    assert [ask(guarded), ask(guarded, **bearer("guess"))] == [401, 401]
    assert ask(guarded, "192.0.2.1", **bearer("a-token-for-metrics")) == 200
