"""Log lines: their form, and what never gets into them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from flask import Flask, g

from api.web import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers, root.level
    yield
    root.handlers, root.level = before
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    log = structlog.get_logger()
    log.debug("left out")
    with Flask("probe").test_request_context():
        g.request_id = "the-request"
        log.info("request", rule="/chats/<id>", status=200, ms=1.5, user_id=None)
    (line,) = lines(capsys)
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": "the-request",
        "rule": "/chats/<id>",
        "status": 200,
        "ms": 1.5,
        "user_id": None,
    }


def test_text_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "text")
    structlog.get_logger().debug("hello", token="Bearer abcdefgh12345678")
    out = capsys.readouterr().err
    assert "hello" in out
    assert "abcdefgh" not in out


def test_libraries_speak_in_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logging.getLogger("some.library").info("chatter")
    try:
        raise ValueError("refused: Bearer abcdefgh12345678")
    except ValueError:
        logging.getLogger("some.library").exception("it failed with %s", "api_key=abcdefgh12345678")
    (line,) = lines(capsys)
    assert line["level"] == "error"
    assert "ValueError: refused: Bearer [redacted]" in str(line["exception"])
    assert line["event"] == "it failed with api_key=[redacted]"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "Authorization: "),
        ("sent sk-proj-abcdefghijklmnop1234 to it", "sent "),
        ("AIzaSyA1234567890abcdefghijklmnopqrstu", ""),
        ("postgresql://parley:hunter2hunter2@db:5432/parley", "postgresql://parley:"),
        ('{"password": "hunter2hunter2"}', '{"password": "'),
        ("a session eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln of", "a session "),
        ("ghp" + "_abcdefghijklmnopqrstuvwxyz0123456789", ""),
    ],
)
def test_what_looks_like_a_credential_is_redacted(text: str, kept: str) -> None:
    redacted = logs.redact_text(text)
    assert redacted.startswith(kept + logs.PLACEHOLDER)
    for secret in ("hunter2", "abcdefghijkl", "eyJ", "c2ln", "AIza"):
        assert secret not in redacted


@pytest.mark.parametrize(
    "text", ["keyboard interrupt", "GET /api-keys/0190", "the token bucket is empty", "skin-deep", "a secret garden"]
)
def test_ordinary_words_stay(text: str) -> None:
    assert logs.redact_text(text) == text


def test_redaction_reaches_into_structures() -> None:
    event = {"headers": {"Authorization": "Bearer abcdefgh12345678"}, "all": ["sk-abcdefghijklmnop"], "n": 5}
    assert logs.redact_event(None, "info", event) == {
        "headers": {"Authorization": "Bearer [redacted]"},
        "all": ["[redacted]"],
        "n": 5,
    }
