"""Ids, guards, headers, log lines and metrics of every request."""

from __future__ import annotations

import io
import json
import re
from urllib.parse import unquote_to_bytes

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from api.domain import metrics
from api.repositories.unit_of_work import Store
from tests.web.probe import ANN, probe_app

ORIGIN = "https://app.example.org"
TRACE = "0af7651916cd43dd8448eb211c80319c"
EVERYWHERE = (("GET", "/things", 200), ("GET", "/stream", 200), ("GET", "/nowhere", 404), ("PUT", "/things", 405))


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return probe_app(store, per_hour=1000).test_client()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-ID": "my-request.1_a"}, r"my-request\.1_a"),
        ({"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}, TRACE),
        ({"X-Request-ID": "short"}, r"[0-9a-f]{32}"),
        ({"X-Request-ID": "with blank in it"}, r"[0-9a-f]{32}"),
        ({"X-Request-ID": "x" * 65}, r"[0-9a-f]{32}"),
        ({"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"}, r"[0-9a-f]{32}"),
        ({"traceparent": f"ff-{TRACE}-b7ad6b7169203331-01"}, rf"(?!{TRACE})[0-9a-f]{{32}}"),
        ({}, r"[0-9a-f]{32}"),
    ],
)
def test_request_id(client: FlaskClient, headers: dict[str, str], expected: str) -> None:
    answer = client.get("/nowhere", headers=headers)
    assert re.fullmatch(expected, answer.headers["X-Request-ID"])
    assert answer.json is not None
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(("method", "path", "status"), EVERYWHERE)
def test_headers_of_every_answer(client: FlaskClient, method: str, path: str, status: int) -> None:
    answer = client.open(path, method=method, headers=ANN | {"Origin": ORIGIN})
    assert answer.status_code == status
    assert answer.headers["X-Request-ID"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(("method", "path", "status"), EVERYWHERE)
def test_another_origin_gets_no_permission(client: FlaskClient, method: str, path: str, status: int) -> None:
    for origin in ("https://evil.example", ORIGIN + ".evil.example", "null", "http://app.example.org"):
        answer = client.open(path, method=method, headers=ANN | {"Origin": origin})
        assert answer.status_code == status
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/things", "/sign-in", "/nowhere", "/health", "/%ff%00"])
def test_options_needs_nothing_and_costs_nothing(store: Store, path: str) -> None:
    client = probe_app(store, per_hour=1).test_client()
    for _ in range(3):
        answer = client.options(
            path, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "X-Request-ID": "preflight"}
        )
        assert answer.status_code == 204
        assert answer.data == b""
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"
        assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) == OURS
        assert int(answer.headers["Access-Control-Max-Age"]) > 0
        assert "RateLimit" not in answer.headers


OURS = {"Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer", "X-Parley-Chat"}


@pytest.mark.parametrize(
    ("origin", "asked", "more"),
    [
        (ORIGIN, "authorization,x-stainless-os", {"x-stainless-os"}),
        (ORIGIN, "x-one, X-Two", {"x-one", "X-Two"}),
        (ORIGIN, "x-one\r\nX-Evil: 1", set()),
        (ORIGIN, "*", set()),
        (ORIGIN, "x-" + "a" * 5000, set()),
        ("https://evil.example", "x-stainless-os", set()),
    ],
)
def test_a_listed_origin_may_send_headers_that_nobody_reads(
    client: FlaskClient, origin: str, asked: str, more: set[str]
) -> None:
    environ = {"HTTP_ACCESS_CONTROL_REQUEST_HEADERS": asked}
    answer = client.options("/things", headers={"Origin": origin}, environ_overrides=environ)
    assert set(answer.headers["Access-Control-Allow-Headers"].split(", ")) == OURS | more


def test_without_configured_origins_there_is_no_cors(store: Store) -> None:
    client = probe_app(store, cors_origins=frozenset()).test_client()
    for method, status in (("GET", 200), ("OPTIONS", 204)):
        answer = client.open("/things", method=method, headers=ANN | {"Origin": ORIGIN})
        assert answer.status_code == status
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_body_over_the_limit_is_413_and_unread(client: FlaskClient) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

    answer = client.post(
        "/things",
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": "2001", "wsgi.input": Unread()},
    )
    assert answer.status_code == 413
    assert answer.json is not None
    assert answer.json["code"] == "body_too_large"


def test_a_body_of_unknown_length_over_the_limit_is_413(client: FlaskClient) -> None:
    answer = client.post(
        "/things",
        input_stream=io.BytesIO(b'"' + b"x" * 5000 + b'"'),
        headers=ANN | {"Transfer-Encoding": "chunked", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/xml"])
def test_json_under_another_name_is_415(client: FlaskClient, content_type: str) -> None:
    answer = client.post("/things", data=b'{"text": "x"}', content_type=content_type, headers=ANN)
    assert answer.status_code == 415


def test_json_is_taken_with_a_charset_and_a_form_where_it_belongs(client: FlaskClient) -> None:
    answer = client.post("/things", data=b'{"text": "x"}', content_type="application/json; charset=utf-8", headers=ANN)
    assert answer.status_code == 201
    assert client.post("/form", data={"a": "b"}).json == {"a": "b"}
    assert client.post("/form", json={"a": "b"}).status_code == 415


@pytest.mark.parametrize("path", ["/things/%00", "/%ff", "/things?q=%00", "/things?q=%ff%fe", "/%ed%a0%80", "/%C0%AF"])
def test_junk_in_the_address_is_400(client: FlaskClient, path: str) -> None:
    raw = unquote_to_bytes(path.partition("?")[0]).decode("latin-1")  # as servers hand it on
    answer = client.get(path, headers=ANN, environ_overrides={"PATH_INFO": raw})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["code"] == "bad_request"
    assert answer.json["detail"].startswith("The address ")


@pytest.mark.parametrize("path", ["/%E4%BB%8B%E7%BB%8D", "/nowhere?q=%E4%BB%8B+%25"])
def test_other_scripts_in_the_address_are_fine(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=ANN).status_code == 404


def test_one_log_line_a_request_without_texts_or_secrets(client: FlaskClient) -> None:
    with capture_logs() as lines:
        client.post(
            "/things?secret=querytext", json={"text": "messagetext"}, headers=ANN | {"X-Request-ID": "a-request"}
        )
    (line,) = lines
    assert line.pop("ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "POST",
        "rule": "/things",
        "status": 201,
        "user_id": "00000000-0000-0000-0000-000000000001",
    }


def test_health_checks_do_not_fill_the_log(client: FlaskClient) -> None:
    with capture_logs() as lines:
        client.get("/health")
    assert [line["log_level"] for line in lines] == ["debug"]


def test_a_fault_is_500_and_logged_under_its_id(client: FlaskClient) -> None:
    with capture_logs() as lines:
        answer = client.get("/broken", headers={"Origin": ORIGIN, "X-Request-ID": "a-broken-one"})
    assert answer.status_code == 500
    assert "text of a fault" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert {line["event"] for line in lines} == {"request failed", "request"}
    assert "a-broken-one" in json.dumps(lines, default=str)


def test_metrics_count_by_rule_and_known_methods(client: FlaskClient) -> None:
    def total(method: str, rule: str, status: str) -> float:
        labels = {"method": method, "rule": rule, "status": status}
        return metrics.REGISTRY.get_sample_value("parley_requests_total", labels) or 0.0

    before = total("GET", "/things", "200"), total("GET", "(no route)", "404"), total("OTHER", "(no route)", "405")
    client.get("/things", headers=ANN)
    client.get("/made/up/path")
    client.open("/things", method="BREW")
    after = total("GET", "/things", "200"), total("GET", "(no route)", "404"), total("OTHER", "(no route)", "405")
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1]
