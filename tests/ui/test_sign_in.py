"""Tickets, the guard against another person's session, and the two routes that hold the cookie."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from tests.ui.fake_api import FakeApi
from ui.api_client import ApiClient
from ui.headers import SecurityHeaders
from ui.runtime import browser_address, sessions, transport
from ui.settings import BadSetting, read
from ui.sign_in.guard import Decision, decide, digest
from ui.sign_in.routes import routes
from ui.sign_in.tickets import LIFE, Tickets, tickets

ROOT = Path(__file__).resolve().parents[2]
OURS = {"X-Requested-By": "parley", "Origin": "http://testserver"}


def test_a_ticket_is_good_once() -> None:
    some = Tickets()
    ticket = some.issue("handle")
    assert (some.redeem(ticket), some.redeem(ticket), some.redeem("guess")) == ("handle", None, None)


def test_a_ticket_is_good_for_half_a_minute() -> None:
    now = [100.0]
    some = Tickets(clock=lambda: now[0])
    early, late = some.issue("a"), some.issue("b")
    now[0] += LIFE - 1
    assert some.redeem(early) == "a"
    now[0] += 2
    assert some.redeem(late) is None


ann, bob = digest("ann"), digest("bob")


@pytest.mark.parametrize(
    ("cookie", "seen", "mine", "decision"),
    [
        ("", None, "", Decision("anonymous")),
        (ann, None, "", Decision("adopt")),  # a new tab, a reload, a restart of the page
        (ann, ann, ann, Decision("keep")),
        ("", "", ann, Decision("keep")),  # signed in here; the handshake was before the cookie
        (ann, "", ann, Decision("keep")),  # the same tab after a reconnect
        (bob, ann, ann, Decision("adopt", clear=True)),  # somebody else signed in elsewhere in this browser
        (bob, "", ann, Decision("adopt", clear=True)),
        ("", ann, ann, Decision("anonymous", clear=True)),  # signed out elsewhere
        (bob, ann, "", Decision("adopt", clear=True)),
    ],
)
def test_whose_page_this_is(cookie: str, seen: str | None, mine: str, decision: Decision) -> None:
    assert decide(cookie, seen, mine) == decision


@pytest.fixture
def browser(page: FakeApi) -> Iterator[TestClient]:
    app = Starlette(routes=routes(), middleware=[Middleware(SecurityHeaders)])
    with TestClient(app) as client:
        yield client


def test_a_ticket_buys_an_http_only_cookie(browser: TestClient) -> None:
    answer = browser.post("/auth/exchange", json={"ticket": tickets.issue("the-handle")}, headers=OURS)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "parley_session=the-handle" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_over_https_the_cookie_is_secure(page: FakeApi) -> None:
    with TestClient(Starlette(routes=routes()), base_url="https://testserver") as browser:
        headers = {**OURS, "Origin": "https://testserver"}
        answer = browser.post("/auth/exchange", json={"ticket": tickets.issue("h")}, headers=headers)
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://testserver"},
        {"X-Requested-By": "parley"},
        {"X-Requested-By": "parley", "Origin": "http://evil.example"},
        {"X-Requested-By": "parley", "Origin": "null"},
        {**OURS, "Content-Type": "text/plain"},
    ],
)
@pytest.mark.parametrize("path", ["/auth/exchange", "/auth/logout"])
def test_another_sites_call_is_refused(browser: TestClient, path: str, headers: dict[str, str]) -> None:
    body = json.dumps({"ticket": tickets.issue("h")})
    answer = browser.post(path, content=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", ["", "[]", "{", '{"ticket": "unknown"}', '{"ticket": "' + "x" * 5000 + '"}'])
def test_a_bad_ticket_is_refused(browser: TestClient, body: str) -> None:
    answer = browser.post("/auth/exchange", content=body, headers={"Content-Type": "application/json", **OURS})
    assert answer.status_code == 403


def test_logout_ends_the_session_at_the_api_and_drops_the_cookie(
    browser: TestClient, page: FakeApi, person: tuple[str, str]
) -> None:
    session = sessions().add(ApiClient(transport()).login(*person))
    browser.cookies.set("parley_session", session.handle)
    answer = browser.post("/auth/logout", json={}, headers=OURS)
    assert answer.status_code == 200
    assert 'parley_session=""' in answer.headers["set-cookie"]
    assert page.sessions == {}


def test_the_browsers_address() -> None:
    assert browser_address("198.51.100.7", "10.0.0.1", 0) == "198.51.100.7"
    assert browser_address("127.0.0.1", "6.6.6.6, 198.51.100.7", 1) == "198.51.100.7"
    assert browser_address(None, None, 1) == "127.0.0.1"


def test_settings_are_read_from_the_environment() -> None:
    assert read({}).api_url == "http://127.0.0.1:8000"
    assert read({"API_URL": "http://api:8000/", "TRUSTED_PROXIES": "2"}).api_url == "http://api:8000"
    assert read({"TRUSTED_PROXIES": "2"}).trusted_proxies == 2
    assert read({"PUBLIC_URL": "https://chat.example"}).cookie_secure is True
    assert read({"PUBLIC_URL": "https://chat.example", "COOKIE_SECURE": "false"}).cookie_secure is False
    assert read({"PUBLIC_URL": "http://chat.example"}).cookie_secure is None


@pytest.mark.parametrize(
    ("name", "text"),
    [("COOKIE_SECURE", "yes"), ("SESSION_DAYS", "0"), ("SESSION_DAYS", "a week"), ("TRUSTED_PROXIES", "-1")],
)
def test_a_setting_that_cannot_be_meant_stops_the_page(name: str, text: str) -> None:
    """Not a page that quietly sends its cookie over HTTP, or believes nobody's address."""
    with pytest.raises(BadSetting, match=f"{name} must be .*{text}"):
        read({name: text})


def test_the_page_does_not_start_with_it() -> None:
    words = [sys.executable, "-m", "streamlit", "run", "ui/asgi.py", "--server.headless=true", "--server.port=0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COOKIE_SECURE": "yes"}  # noqa: TID251  (a child's)
    ended = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode != 0
    assert "parley: COOKIE_SECURE must be" in ended.stderr
