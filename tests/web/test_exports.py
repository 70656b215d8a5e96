"""Downloads over HTTP: types, names, and threads that stay free."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask

from api.domain.errors import SessionEnded
from api.services.exports.service import Export, ExportService
from api.web import files
from tests.server import until
from tests.web.conftest import Actor

HOSTILE = '../../"; filename=evil.sh\u202e/字'


def chat(ann: Actor, title: str = "My chat") -> str:
    return str(ann.ask("POST", "/chats", {"title": title}).get_json()["id"])


@pytest.mark.parametrize(
    ("form", "kind", "suffix"),
    [("json", "application/json", "json"), ("markdown", "text/markdown", "md"), ("html", "text/html", "html")],
)
def test_a_chat_in_each_form(ann: Actor, form: str, kind: str, suffix: str) -> None:
    answer = ann.get(f"/chats/{chat(ann)}/export?format={form}")
    assert answer.status_code == 200
    assert answer.mimetype == kind
    assert f'filename="My-chat.{suffix}"' in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_hostile_title_is_no_path(ann: Actor) -> None:
    made = ann.ask("POST", "/chats", {"title": '../../"; filename=evil.sh/字'})
    header = ann.get(f"/chats/{made.get_json()['id']}/export").headers["Content-Disposition"]
    assert header.isascii()
    name = unquote(header.partition("filename*=UTF-8''")[2])
    assert name == "filename-evil-sh-字.json"
    assert header.count('"') == 2


def test_unknown_forms_are_refused(ann: Actor) -> None:
    assert ann.get(f"/chats/{chat(ann)}/export?format=exe").status_code == 422


def test_everything_as_a_zip(ann: Actor) -> None:
    made = chat(ann)
    answer = ann.get("/export")
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert made in [one["chat"]["id"] for one in json.loads(archive.read("chats-0001.json"))]


def test_only_some_threads_carry_files(app: Flask, ann: Actor) -> None:
    slots = app.extensions["parley_transfer_slots"]
    held: list[Any] = []
    while slots.free.acquire(blocking=False):
        held.append(1)
    refused = ann.get("/export")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "overloaded")
    for _ in held:
        slots.free.release()
    for _ in range(3 * len(held)):  # each gives its place back, read or not
        ann.get("/export")
        ann.client.get("/export", headers=ann.headers, buffered=False).close()
        ann.client.head("/export", headers=ann.headers)
    assert ann.get("/export").status_code == 200


def test_the_slash_command_says_where_the_file_is(ann: Actor) -> None:
    made = chat(ann)
    for text, form in (("/export", "markdown"), ("/export json", "json"), ("/export MD", "markdown")):
        outcome = ann.ask("POST", f"/chats/{made}/commands", {"text": text}).get_json()
        assert outcome["download"] == f"/chats/{made}/export?format={form}"
        assert ann.get(outcome["download"]).status_code == 200
    refused = ann.ask("POST", f"/chats/{made}/commands", {"text": "/export exe"})
    assert refused.status_code == 422
    assert "json, markdown, html" in refused.get_json()["detail"]


def test_a_download_breaks_off_when_its_reader_is_disabled(
    app: Flask, ann: Actor, actor: Callable[[str], Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does an upload: what is still to come is neither sent nor taken."""
    root, ben = ann, actor("ben")
    app.extensions["parley"].generations.start()
    sent = itertools.count()

    def endless() -> Iterator[bytes]:
        for number in sent:
            time.sleep(0.01)
            yield b"%d\n" % number

    monkeypatch.setattr(ExportService, "all", lambda *_: Export("all.zip", endless()))
    answer = ben.client.open("/export", headers=ben.headers, buffered=False)
    chunks = iter(answer.response)
    assert next(chunks)
    monkeypatch.setattr(files, "PIECE", 1)
    given = {"headers": ben.headers, "data": b"x" * 100_000, "content_type": "application/octet-stream"}
    with app.test_request_context("/imports", method="POST", **given):
        assert app.preprocess_request() is None
        with files.uploaded() as body:
            assert next(body)
            assert root.ask("PATCH", f"/admin/users/{ben.id}", {"is_active": False}).status_code == 200
            with pytest.raises(SessionEnded):
                until(lambda: next(body) is None)
    with pytest.raises(BrokenPipeError):
        until(lambda: next(chunks) is None)
    answer.close()
    assert not app.extensions["parley"].generations._followers
