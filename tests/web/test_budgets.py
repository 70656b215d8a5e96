"""Budgets over HTTP: set by administrators, shown to those they hold for, warned of before they are used up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.services.spend import ESTIMATE
from tests.web.conftest import Actor, register, sign_in

SLOW = {"content": "go on", "model": "demo/demo"}
HEADERS = {"Prefer": "respond-async"}


@pytest.fixture
def ann(make_app: Callable[..., Flask]) -> Actor:
    app = make_app()
    app.extensions["parley"].generations.start()
    client = app.test_client()
    register(client, "ann")
    return sign_in(client, "ann")


def test_set_shown_and_removed(ann: Actor) -> None:
    made = ann.ask("PUT", "/admin/budgets", {"scope": "everyone", "period": "month", "dollars": "10.50"})
    assert (made.status_code, made.json["dollars"], made.json["tokens"]) == (200, "10.5", None)
    again = ann.ask("PUT", "/admin/budgets", {"scope": "everyone", "period": "month", "dollars": "12"})
    assert again.json["id"] == made.json["id"]
    assert [one["dollars"] for one in ann.get("/admin/budgets").json["items"]] == ["12"]
    (shown,) = ann.get("/usage/limits").json["budgets"]
    assert (shown["name"], shown["limit"], shown["used"], shown["remaining"], shown["warning"]) == (
        "cost-month",
        "12",
        "0",
        "12",
        None,
    )
    for wrong in (
        {"scope": "everyone", "period": "month"},
        {"scope": "everyone", "period": "month", "dollars": "1", "tokens": 1},
        {"scope": "user", "period": "month", "tokens": 1},
        {"scope": "everyone", "period": "month", "dollars": "1e3"},
        {"scope": "everyone", "period": "year", "tokens": 1},
    ):
        assert ann.ask("PUT", "/admin/budgets", wrong).status_code == 422, wrong
    assert ann.ask("DELETE", f"/admin/budgets/{made.json['id']}").status_code == 204
    assert ann.ask("DELETE", f"/admin/budgets/{made.json['id']}").status_code == 404
    assert [one["action"] for one in ann.get("/admin/audit?action=budget").json["items"]] == [
        "budget.delete",
        "budget.set",
        "budget.set",
    ]


def test_warned_of_and_refused(ann: Actor) -> None:
    ann.ask("PUT", "/admin/budgets", {"scope": "everyone", "period": "day", "tokens": 2 * ESTIMATE - 1})
    chat = ann.post("/chats").json["id"]
    first = ann.client.post(f"/chats/{chat}/messages", json=SLOW | {"max_tokens": 6700}, headers=ann.headers | HEADERS)
    assert first.status_code == 202, first.text
    assert first.headers["Budget-Warning"].startswith('"tokens-day";used=8')
    other = ann.post("/chats").json["id"]
    refused = ann.client.post(f"/chats/{other}/messages", json=SLOW | {"max_tokens": 8200}, headers=ann.headers)
    assert (refused.status_code, refused.json["code"], refused.json["budget"]) == (429, "budget_exceeded", "tokens-day")
    assert int(refused.headers["Retry-After"]) > 0
    assert "Budget-Warning" not in ann.get("/chats").headers


def test_prices(ann: Actor) -> None:
    body = {"provider": "custom", "model": "*", "input": "3", "output": "15"}
    assert ann.ask("PUT", "/admin/prices", body).json["output"] == "15"
    for wrong in ("1e5", "-1", "NaN", "\N{ARABIC-INDIC DIGIT THREE}", "1\n", ""):
        refused = ann.ask("PUT", "/admin/prices", body | {"output": wrong})
        assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, "dollars"), wrong
    assert ann.ask("PUT", "/admin/prices", body | {"output": None, "input": "0.02"}).json["output"] is None
    assert [(one["model"], one["input"]) for one in ann.get("/admin/prices").json["items"]] == [("*", "0.02")]
    nobody = ann.ask("PUT", "/admin/prices", body | {"provider": "opnai"})
    assert (nobody.status_code, nobody.json["errors"][0]["pointer"]) == (422, "/provider"), "it would price nothing"
    assert ann.ask("DELETE", "/admin/prices?provider=custom&model=*").status_code == 204
    assert ann.ask("DELETE", "/admin/prices?provider=custom&model=*").status_code == 404
