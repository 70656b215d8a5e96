"""The compose stack from outside, through its proxy. Skipped where no stack runs: see docs/operations.md."""

from __future__ import annotations

import json
import os
import time
import urllib.request
import uuid
from typing import Any
from urllib.error import HTTPError

import pytest

URL = os.environ.get("STACK_URL", "").rstrip("/")  # noqa: TID251
PAGE = os.environ.get("STACK_PAGE_URL", "").rstrip("/")  # noqa: TID251
CODE = os.environ.get("STACK_SETUP_CODE")  # noqa: TID251
PASSWORD = "correct horse battery"
pytestmark = pytest.mark.skipif(not URL, reason="no stack runs: set STACK_URL and STACK_PAGE_URL")


def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(URL + path, data, sent, method=method)
    return urllib.request.urlopen(request, timeout=60)


@pytest.fixture(scope="module")
def headers() -> dict[str, str]:
    """Somebody new, signed in."""
    name = f"s{uuid.uuid4().hex[:12]}"
    person = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    code = {"setup_code": CODE} if CODE else {}  # read for the first account alone
    ask("POST", "/auth/register", person | code).close()
    login = json.load(ask("POST", "/auth/login", {"username": name, "password": PASSWORD}))
    return {"Authorization": f"Bearer {login['access_token']}"}


def chat(headers: dict[str, str]) -> str:
    return str(json.load(ask("POST", "/chats", {}, **headers))["id"])


def test_ready_and_no_metrics_from_outside() -> None:
    assert ask("GET", "/ready").status == 200
    with pytest.raises(HTTPError) as refused:
        ask("GET", "/metrics")
    assert refused.value.code == 404
    refused.value.close()


def test_the_stream_is_not_buffered(headers: dict[str, str]) -> None:
    """Tokens that the model writes over seconds arrive over seconds."""
    body = {"content": "demo:count 40", "model": "demo/demo"}
    came: list[float] = []
    text = ""
    with ask("POST", f"/chats/{chat(headers)}/messages", body, Accept="text/event-stream", **headers) as answer:
        kind = b""
        for line in answer:
            if line.startswith(b"event: "):
                kind = line[7:].strip()
            elif line.startswith(b"data: ") and kind == b"delta":
                came.append(time.monotonic())
                text += json.loads(line[6:])["text"]
    assert len(came) > 10
    assert came[-1] - came[0] > 0.5, "it came in one piece"
    assert text.split()[-1].rstrip(".") == "40"


def test_a_reply_is_rejoined_whichever_replica_answers(headers: dict[str, str]) -> None:
    body = {"content": "demo:count 60", "model": "demo/demo"}
    sent = json.load(ask("POST", f"/chats/{chat(headers)}/messages", body, Prefer="respond-async", **headers))
    path = f"/generations/{sent['generation']['id']}/events"
    for _ in range(6):  # by round robin these meet every replica
        with ask("GET", path, **headers) as answer:
            assert next(line for line in answer if line.startswith(b"event: ")) == b"event: started\n"
    with ask("GET", path, **headers) as answer:
        kinds = [line.split()[1] for line in answer if line.startswith(b"event: ")]
    assert kinds[-1] == b"finished"


def test_the_request_id_comes_back(headers: dict[str, str]) -> None:
    with ask("GET", "/auth/me", X_Request_ID="stack-test-0001", **headers) as answer:
        assert answer.headers["X-Request-ID"] == "stack-test-0001"


def test_a_body_over_the_limit_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(HTTPError) as refused:
        ask("POST", f"/chats/{chat(headers)}/messages", {"content": "x" * 13_000_000}, **headers)
    assert refused.value.code == 413
    refused.value.close()


@pytest.mark.skipif(not PAGE, reason="no page: set STACK_PAGE_URL")
def test_the_page_answers_over_its_websocket() -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(PAGE)
        expect(page.get_by_role("button", name="Sign in").first).to_be_visible(timeout=60_000)
        browser.close()
