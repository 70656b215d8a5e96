"""/usage over HTTP: shapes, own calls only, files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from flask import Flask

from tests.services.whole import Whole
from tests.upstream import Upstream
from tests.web.conftest import Actor


@pytest.fixture
def used(make_app: Callable[..., Flask]) -> tuple[Whole, Actor]:
    """Ann has had one reply of the demo."""
    with Upstream() as up:
        whole = Whole(make_app(openai_base_url=f"{up.url}/v1", ollama_base_url="http://127.0.0.1:9"))
        client = whole.app.test_client()
        answer = client.post("/auth/login", json={"username": "ann", "password": "correct horse battery"})
        ann = Actor(client, answer.json)
        whole.said(whole.ann, whole.chat(whole.ann), "demo:fast hello", model="demo/demo")
    return whole, ann


def test_usage(used: tuple[Whole, Actor]) -> None:
    whole, ann = used
    answer = ann.get("/usage?group_by=model").json
    assert answer["time_zone"] == "UTC"
    assert answer["total"]["calls"] == 1
    assert answer["total"]["cost"] == "0"
    assert [(item["provider"], item["model"], item["calls"]) for item in answer["items"]] == [("demo", "demo", 1)]
    assert ann.get("/usage?group_by=chat").json["items"][0]["title"]
    assert ann.get("/usage?from=2026-02-01&to=2026-01-01").status_code == 422
    assert ann.get("/usage?group_by=user").status_code == 422
    client = whole.app.test_client()
    ben = Actor(client, client.post("/auth/login", json={"username": "ben", "password": "correct horse battery"}).json)
    assert ben.get("/usage").json["total"]["calls"] == 0


@pytest.mark.parametrize("group", ["day", "chat"])
def test_days_that_no_calendar_of_ours_has_are_refused_in_words(used: tuple[Whole, Actor], group: str) -> None:
    _, ann = used
    for period in ("to=0001-01-01", "from=0001-01-01&to=2026-01-01", "to=9999-12-31", "from=2026-13-01"):
        answer = ann.get(f"/usage?group_by={group}&{period}")
        assert (answer.status_code, answer.json["code"]) == (422, "invalid"), period
    assert ann.get(f"/usage?group_by={group}&from=1970-01-01&to=2999-12-31").json["total"]["calls"] == 1
    assert ann.get(f"/usage?group_by={group}&to=1970-01-01").json["total"]["calls"] == 0


def test_files(used: tuple[Whole, Actor]) -> None:
    _, ann = used
    answer = ann.get("/usage/export")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert [row["model"] for row in csv.DictReader(io.StringIO(answer.text))] == ["demo"]
    assert [one["calls"] for one in ann.get("/usage/export?format=json").json] == [1]


def test_limits(used: tuple[Whole, Actor]) -> None:
    _, ann = used
    found = {one["name"]: one for one in ann.get("/usage/limits").json["limits"]}
    assert {"writes", "reads", "generations"} <= found.keys()
    assert found["reads"]["remaining"] < found["reads"]["limit"]


def test_a_chat_and_a_reply_tell_what_they_took(used: tuple[Whole, Actor]) -> None:
    _, ann = used
    chat = ann.get("/chats").json["items"][0]["id"]
    took = ann.get(f"/chats/{chat}/usage").json
    message = ann.get(f"/chats/{chat}").json["messages"][-1]
    assert (took["calls"], took["completion_tokens"]) == (1, message["metadata"]["completion_tokens"])
    assert took["cost"] == "0"
    assert 0 <= message["metadata"]["duration_ms"] <= took["seconds"] * 1000 + 1000
    empty = ann.post("/chats", {}).json["id"]
    assert ann.get(f"/chats/{empty}/usage").json["cost"] == "0"


def test_a_generation_and_its_message_tell_their_cost(used: tuple[Whole, Actor]) -> None:
    _, ann = used
    chat = ann.get("/chats").json["items"][0]["id"]
    message = ann.get(f"/chats/{chat}").json["messages"][-1]
    assert message["metadata"]["cost"] == "0"
    generation = ann.get(f"/generations/{message['metadata']['generation_id']}").json
    assert (generation["cost"], generation["price_source"], generation["estimated"]) == ("0", "parley:demo", False)
