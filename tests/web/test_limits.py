"""What counts, what does not, and what the headers say."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from flask import Flask

from api.repositories.unit_of_work import Store
from api.web.answers import answer
from api.web.openapi import Access
from tests.rate_limits.parts import MID_WINDOW
from tests.web.probe import ANN, probe_app

BEN = {"Authorization": "Bearer ben"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(MID_WINDOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def app(store: Store) -> Flask:
    return probe_app(store, per_hour=5, generations_per_hour=2)


def test_headers_name_every_limit_that_was_counted(app: Flask) -> None:
    client = app.test_client()
    read = client.get("/things", headers=ANN)
    assert read.headers["RateLimit-Policy"] == '"reads";q=50;w=3600'
    assert read.headers["RateLimit"] == '"reads";r=49;t=1780'
    reply = client.post("/replies", json={"text": "x"}, headers=ANN)
    assert reply.headers["RateLimit-Policy"] == '"writes";q=5;w=3600, "generations";q=2;w=3600'
    assert reply.headers["RateLimit"] == '"writes";r=4;t=1780, "generations";r=1;t=1780'
    stream = client.get("/stream", headers=ANN)
    assert stream.headers["RateLimit"] == '"reads";r=48;t=1780'
    refused = client.post("/things", json={"unknown": 1}, headers=ANN)
    assert refused.status_code == 422
    assert refused.headers["RateLimit"] == '"writes";r=3;t=1780'


def test_a_refused_request_is_429_with_all_it_takes(app: Flask) -> None:
    client = app.test_client()
    for _ in range(2):
        assert client.post("/replies", json={"text": "x"}, headers=ANN).status_code == 201
    refused = client.post("/replies", json={"text": "x"}, headers=ANN)
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert refused.headers["Retry-After"] == "1780"
    assert refused.headers["RateLimit"] == '"writes";r=3;t=1780, "generations";r=0;t=1780'
    assert refused.json is not None
    assert refused.json["code"] == "rate_limited"
    assert "replies" in refused.json["detail"]
    assert client.post("/things", json={"text": "x"}, headers=ANN).headers["RateLimit"] == '"writes";r=2;t=1780'


def test_accounts_do_not_share(app: Flask) -> None:
    client = app.test_client()
    for _ in range(5):
        assert client.post("/things", json={"text": "x"}, headers=ANN).status_code == 201
    assert client.post("/things", json={"text": "x"}, headers=ANN).status_code == 429
    assert client.post("/things", json={"text": "x"}, headers=BEN).status_code == 201
    assert client.get("/things", headers=ANN).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/metrics", "/docs", "/redoc", "/openapi.json", "/nowhere"])
def test_what_is_never_counted(app: Flask, path: str) -> None:
    client = app.test_client()
    assert client.get("/things", headers=ANN).headers["RateLimit"]
    for _ in range(60):
        answer = client.get(path, headers=ANN)
        assert answer.status_code in (200, 404)
        assert "RateLimit" not in answer.headers


def test_an_unauthenticated_request_is_told_nothing_of_others(app: Flask) -> None:
    client = app.test_client()
    client.get("/things", headers=ANN)
    refused = client.get("/things")
    assert refused.status_code == 401
    assert "RateLimit" not in refused.headers


def test_sign_in_has_its_own_limit_and_headers(app: Flask) -> None:
    client = app.test_client()
    for _ in range(3):
        assert client.post("/sign-in", json={"text": "ann"}).status_code == 200
    refused = client.post("/sign-in", json={"text": "ann"})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 300
    assert '"login-account";r=0' in refused.headers["RateLimit"]


def test_parallel_requests_are_counted_exactly(store: Store) -> None:
    app = probe_app(store, per_hour=20)

    def send(_: int) -> int:
        return app.test_client().post("/things", json={"text": "x"}, headers=ANN).status_code

    with ThreadPoolExecutor(50) as threads:
        statuses = list(threads.map(send, range(50)))
    assert (statuses.count(201), statuses.count(429)) == (20, 30)


def test_without_a_database_nothing_is_let_through(tmp_path_factory: pytest.TempPathFactory) -> None:
    from api.db import Database

    store = Store(Database("sqlite:////nowhere/at/all.db"))
    refused = probe_app(store).test_client().get("/things", headers=ANN)
    assert refused.status_code == 503
    assert refused.json is not None
    assert refused.json["code"] == "store_unavailable"
    assert refused.headers["Retry-After"]
    store.close()


def test_flask_limiter_counts_in_the_same_rows(app: Flask) -> None:
    (limiter,) = app.extensions["limiter"]

    @limiter.limit("2 per minute")
    def view() -> object:
        return answer({})

    view.access = Access.PUBLIC
    app.add_url_rule("/decorated", view_func=view)
    client = app.test_client()
    assert [client.get("/decorated").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/decorated").json["code"] == "rate_limited"  # type: ignore[index]
    service = app.extensions["parley"].rate_limits
    assert service.storage.reset() == 1


@pytest.mark.parametrize(("body", "status"), [("to nobody", 404), ("again", 201), (None, 422)])
def test_what_begins_no_reply_is_a_write_and_no_generation(app: Flask, body: str | None, status: int) -> None:
    client = app.test_client()
    for left in (4, 3, 2):
        answered = client.post("/replies", json={"text": body}, headers=ANN)
        assert answered.status_code == status
        assert answered.headers["RateLimit"] == f'"writes";r={left};t=1780'
    assert client.post("/replies", json={"text": "x"}, headers=ANN).headers["RateLimit"].endswith("r=1;t=1780")


def test_what_fails_is_refused_at_the_limit_like_everything(app: Flask) -> None:
    client = app.test_client()
    for _ in range(5):
        client.post("/things", json={"text": "x"}, headers=ANN)
    assert client.post("/replies", json={"text": "to nobody"}, headers=ANN).status_code == 429
    assert client.post("/replies", json={"text": "again"}, headers=ANN).status_code == 201, "it was done before"
