"""Imports over HTTP: a body of its own size and kinds, an answer at once, progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.server import until
from tests.web.conftest import Actor


def send(who: Actor, data: bytes, kind: str = "application/json", **more: Any) -> TestResponse:
    return who.client.post("/imports", data=data, content_type=kind, headers=who.headers, **more)


def ended(who: Actor, run: str) -> Any:
    until(lambda: who.get(f"/imports/{run}").get_json()["state"] != "running")
    return who.get(f"/imports/{run}").get_json()


def exported(ann: Actor, title: str = "My chat") -> tuple[str, bytes]:
    chat = str(ann.ask("POST", "/chats", {"title": title}).get_json()["id"])
    data = ann.get(f"/chats/{chat}/export").data
    assert ann.ask("DELETE", f"/chats/{chat}").status_code == 204
    return chat, data


@pytest.mark.parametrize("kind", ["application/json", "application/zip", "application/octet-stream"])
def test_a_file_is_taken_and_its_end_told(ann: Actor, kind: str) -> None:
    chat, data = exported(ann)
    answer = send(ann, data, kind)
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/imports/{answer.get_json()['id']}"
    run = ended(ann, answer.get_json()["id"])
    assert (run["state"], run["added"], run["done"], run["size"]) == ("complete", 1, len(data), len(data))
    assert [(one["title"], one["chat_id"]) for one in run["results"]] == [("My chat", chat)]
    assert ann.get(f"/chats/{chat}").status_code == 200
    assert ann.get(f"/imports/{run['id']}?after=1").get_json()["results"] == []


def test_a_file_may_be_larger_than_other_bodies(make_app: Callable[..., Flask], ann: Actor) -> None:
    _, data = exported(ann)
    app = make_app(max_body_bytes=2000, max_import_bytes=100_000)
    ann = Actor(app.test_client(), ann.tokens)
    large = data + b" " * 50_000
    accepted = send(ann, large)
    assert accepted.status_code == 202
    assert ended(ann, accepted.get_json()["id"])["done"] == len(large)
    refused = send(ann, data + b" " * 100_001)
    assert (refused.status_code, refused.get_json()["code"]) == (413, "body_too_large")
    assert (
        ann.client.post("/chats", data=large, content_type="application/json", headers=ann.headers).status_code == 413
    )


def test_what_is_no_file_is_refused(ann: Actor) -> None:
    assert send(ann, b"").status_code == 422
    assert send(ann, b"{}", "text/html").status_code == 415
    form = ann.client.post("/imports", data={"file": (__file__, "x.json")}, headers=ann.headers)
    assert form.status_code == 415


def test_a_cut_upload_begins_nothing(app: Flask, ann: Actor) -> None:
    cut = ann.client.post(
        "/imports",
        data=b'{"a"',
        content_type="application/json",
        headers=ann.headers,
        environ_overrides={"CONTENT_LENGTH": "1000"},
    )
    assert cut.status_code == 400
    assert not app.extensions["parley"].imports._threads
    assert app.extensions["parley_transfer_slots"].free.acquire(blocking=False), "no place is lost"


def test_only_some_threads_take_files(app: Flask, ann: Actor) -> None:
    slots = app.extensions["parley_transfer_slots"]
    while slots.free.acquire(blocking=False):
        pass
    assert send(ann, b"{}").status_code == 503
