"""The server about itself: index, health, readiness, metrics, and the documentation that needs no other host."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from playwright.sync_api import Page, Request, sync_playwright
from werkzeug.routing import Rule
from werkzeug.serving import make_server

from api.db import Database
from api.repositories.unit_of_work import Store
from api.web.reference import ASSETS, SCRIPTS, error_codes
from tests.conftest import missing
from tests.web.probe import probe_app

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return probe_app(store).test_client()


def test_addresses_are_built_when_somebody_asks_and_not_at_the_start(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as building:
        building.setattr(Rule, "_compile_builder", pytest.fail)
        app = probe_app(store)
    with app.test_request_context():
        assert url_for("meta.index") == "/"


def test_index_names_every_endpoint(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.json is not None
    assert answer.json["name"] == "Parley"
    assert answer.json["version"] == "1.2.3"
    native = next(surface for surface in answer.json["surfaces"] if surface["name"] == "native")
    assert {"GET /health", "POST /things", "GET /"} <= set(native["endpoints"])
    for link in answer.json["links"].values():
        assert client.get(link).status_code == 200


def test_health_reads_the_age_of_the_loop(store: Store) -> None:
    ages = iter((0.2, 11.0))
    client = probe_app(store, loop_age=lambda: next(ages)).test_client()
    assert client.get("/health").json == {"status": "ok"}
    stuck = client.get("/health")
    assert stuck.status_code == 503
    assert stuck.json == {"status": "stuck", "reason": "the event loop has not moved for 11 seconds"}


def test_health_does_not_need_the_database() -> None:
    store = Store(Database("sqlite:////nowhere/at/all.db"))
    client = probe_app(store).test_client()
    assert client.get("/health").status_code == 200
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert ready.json == {"status": "not ready", "reasons": ["the database cannot be reached"]}
    store.close()


def test_ready(client: FlaskClient) -> None:
    answer = client.get("/ready")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "reasons": []})


def test_not_ready_while_draining_or_on_another_schema(store: Store, database: Database) -> None:
    assert probe_app(store, draining=lambda: True).test_client().get("/ready").json == {
        "status": "not ready",
        "reasons": ["stopping"],
    }
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    answer = probe_app(store).test_client().get("/ready")
    assert answer.status_code == 503
    assert answer.json is not None
    assert "schema 0000" in answer.json["reasons"][0]
    with database.writer.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    answer = probe_app(store).test_client().get("/ready")
    assert answer.json is not None
    assert "schema none" in answer.json["reasons"][0]


def test_metrics(client: FlaskClient) -> None:
    client.get("/health")
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    assert 'parley_requests_total{method="GET",rule="/health",status="200"}' in answer.text
    for name in ("streams_open", "db_pool_in_use", "replies_recovered_total", "flush_seconds", "request_seconds"):
        assert f"parley_{name}" in answer.text


def test_metrics_of_several_processes_add_up(tmp_path: Path) -> None:
    work = """
from api.domain import metrics
metrics.generations_total.labels("complete").inc(2)
metrics.streams_open.inc(3)
print(metrics.exposition().decode())
"""
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
    texts = [
        subprocess.run([sys.executable, "-c", work], env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert 'parley_generations_total{status="complete"} 4.0' in texts[1]


def test_the_document_is_valid(client: FlaskClient) -> None:
    answer = client.get("/openapi.json")
    assert answer.json is not None
    assert answer.json["openapi"].startswith("3.1")
    validate(answer.json)
    assert "/docs" not in answer.json["paths"]
    responses = answer.json["paths"]["/things"]["post"]["responses"]
    assert "422" not in responses
    assert responses["4XX"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


def test_the_document_of_the_whole_server_is_valid(app: Flask) -> None:
    document = app.test_client().get("/openapi.json").json
    assert document is not None
    validate(document)
    shown = set(document["paths"])
    rules = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    hidden = {"/openapi.json", "/docs", "/redoc", "/docs/errors", "/docs/assets/{name}"}
    assert rules - shown == hidden


def test_every_error_code_has_its_row(client: FlaskClient) -> None:
    page = client.get("/docs/errors").text
    for code in (*error_codes(), "rate_limited", "internal_error", "bad_request", "body_too_large"):
        assert f'id="{code}"' in page


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/errors"])
def test_pages_load_from_here_only(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*src=)", answer.text), "an inline script"
    for reference in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        with client.get(f"/{reference}") as asset:
            assert asset.status_code == 200


def test_assets(client: FlaskClient) -> None:
    for name in (*ASSETS, *SCRIPTS):
        answer = client.get(f"/docs/assets/{name}")
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.content_type.split(";")[0] in ("text/css", "text/javascript", "image/svg+xml")
        answer.close()
    for name in ("..%2f..%2fplugins.py", "plugins.py", "%2e%2e"):
        assert client.get(f"/docs/assets/{name}").status_code == 404


@pytest.fixture
def server(sqlite_url: str) -> Iterator[str]:
    """The probe's address; a real server on loopback."""
    store = Store(Database(sqlite_url))
    server = make_server("127.0.0.1", 0, probe_app(store), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    store.close()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a real browser that can reach no host but loopback."""
    if not CHROMIUM.exists():
        missing(f"Chromium: {CHROMIUM} is not there")
    rules = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
        yield browser.new_page()
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize(("path", "selector"), [("/docs", ".opblock"), ("/redoc", "[data-section-id] h2")])
def test_the_viewers_render_without_any_other_host(server: str, page: Page, path: str, selector: str) -> None:
    faults: list[str] = []
    elsewhere: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((server, "data:", "blob:")):
            elsewhere.append(request.url)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfinished", note)
    page.goto(server + path)
    page.wait_for_selector(selector, timeout=30_000)
    assert "Parley" in page.inner_text("body")
    assert "/things" in page.content()
    assert faults == []
    assert elsewhere == []
