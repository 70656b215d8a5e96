"""Titles by a model: for who wants them, in the ledger, never in a reply's way, never over a user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from api.domain.principal import Principal
from api.services.titles import _title
from tests.server import until
from tests.services.whole import PASSWORD, Whole
from tests.upstream import Upstream

QUESTION = "Tell me something about the old town"


def wants(who: Principal) -> Principal:
    return replace(who, titles="model")


def titled(whole: Whole, chat: str) -> tuple[str, str]:
    found = whole.services.chats.get(whole.ann, chat)
    return found.title, found.titled_by


def calls(whole: Whole) -> list[tuple[Any, ...]]:
    """The title calls of the ledger that have ended."""
    query = "SELECT model, status, cost FROM generations WHERE surface = 'title' AND finished_at IS NOT NULL"
    store = whole.services.chats._store
    return store.read(lambda work: [tuple(row) for row in work.connection.execute(sa.text(query))])


def test_a_model_titles_a_chat_after_its_first_reply(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    whole.said(wants(whole.ann), chat, QUESTION)
    until(lambda: titled(whole, chat)[1] == "model")
    title = titled(whole, chat)[0]
    assert title
    assert title != QUESTION
    assert [(model, status) for model, status, _ in calls(whole)] == [("text", "complete")]
    whole.said(wants(whole.ann), chat, "And the new one?")
    assert len(calls(whole)) == 1, "once a chat"
    assert upstream.requests == 3


def test_who_wants_it_says_so_in_the_preferences(make_app: Callable[..., Flask]) -> None:
    """Over HTTP, in plan mode too: the title is of question and plan."""
    whole = Whole(make_app(title_model="demo/demo"))
    client = whole.app.test_client()
    token = client.post("/auth/login", json={"username": "ann", "password": PASSWORD}).get_json()["access_token"]

    def ask(method: str, path: str, body: object = None) -> Any:
        answer = client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()

    ask("PATCH", "/users/me", {"preferences": {"titles": "model"}})
    plan = {"planner": "demo/demo", "answerer": "demo/demo", "review": True}
    for chat in (ask("POST", "/chats", {}), ask("POST", "/chats", {"plan": plan})):
        sent = ask("POST", f"/chats/{chat['id']}/messages", {"content": "demo:fast hello there"})
        assert sent["message"]["status"] == "complete"
        until(
            lambda chat=chat: ask("GET", f"/chats/{chat['id']}")["title"] not in ("New chat", "demo:fast hello there")
        )


def test_first_words_where_nobody_asks_for_more(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    whole.said(whole.ann, chat, QUESTION)
    assert titled(whole, chat) == (QUESTION, "words")
    assert upstream.requests == 1


def test_the_cheap_model_that_the_operator_names(make_app: Callable[..., Flask], upstream: Upstream) -> None:
    whole = Whole(make_app(openai_base_url=f"{upstream.url}/v1", title_model="openai/count:3:0"))
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    whole.said(wants(whole.ann), chat, QUESTION)
    until(lambda: titled(whole, chat)[1] == "model")
    assert [model for model, *_ in calls(whole)] == ["count:3:0"]


def test_a_title_that_fails_leaves_the_first_words(make_app: Callable[..., Flask], upstream: Upstream) -> None:
    whole = Whole(make_app(openai_base_url=f"{upstream.url}/v1", title_model="openai/status:500"))
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    reply = whole.said(wants(whole.ann), chat, QUESTION)
    assert reply.status == "complete"
    until(lambda: calls(whole))
    assert [status for _, status, _ in calls(whole)] == ["error"]
    assert titled(whole, chat) == (QUESTION, "words")


def test_a_title_by_hand_stays(make_app: Callable[..., Flask], upstream: Upstream) -> None:
    """Also where it is written while the model thinks of one."""
    whole = Whole(make_app(openai_base_url=f"{upstream.url}/v1", title_model="openai/count:20:100"))
    whole.config(whole.ann)
    named, renamed = whole.chat(whole.ann, title="Mine"), whole.chat(whole.ann)
    whole.said(wants(whole.ann), named, QUESTION)
    whole.said(wants(whole.ann), renamed, QUESTION)
    until(lambda: upstream.requests == 3)  # two replies, and the title of the one that has none of its own
    whole.services.chats.change(whole.ann, renamed, {"title": "By hand"})
    until(lambda: calls(whole))
    assert titled(whole, named) == ("Mine", "user")
    assert titled(whole, renamed) == ("By hand", "user")
    assert len(calls(whole)) == 1


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ('"The old town"', "The old town"),
        ("\n\n**The old town**\nand more", "The old town"),
        ("  # A title\x07 ", "A title"),
        ("   ", ""),
        ("word " * 40, "word word word word word word word word word word word word…"),
    ],
)
def test_what_models_put_around_a_title(said: str, title: str) -> None:
    assert _title(said) == title
