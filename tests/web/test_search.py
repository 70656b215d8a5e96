"""/search over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.conftest import Actor


def test_a_search(actor: Callable[[str], Actor]) -> None:
    ann = actor("ann")
    ann.client.application.extensions["parley"].generations.start()
    chat = ann.post("/chats", {"title": "Tea & <b>rust</b>"}).json["id"]
    sent = ann.post(f"/chats/{chat}/messages", {"content": "demo:fast 介绍一下RUST", "model": "demo/demo"}).json
    found = ann.get("/search?q=RUST before:soon&limit=1").json
    assert found["items"][0] == {
        "kind": "chat",
        "chat_id": chat,
        "chat_title": "Tea & <b>rust</b>",
        "message_id": None,
        "role": None,
        "model": None,
        "snippet": "Tea &amp; &lt;b&gt;<mark>rust</mark>&lt;/b&gt;",
        "is_shown": True,
        "at": found["items"][0]["at"],
    }
    assert found["notes"] == ["before: takes a date such as 2026-01-31; it was left out."]
    hits = ann.get("/search?q=介绍 in:messages").json
    message = next(hit for hit in hits["items"] if hit["role"] == "user")
    assert (message["message_id"], message["chat_id"]) == (sent["user_message"]["id"], chat)
    assert "<mark>介绍</mark>" in message["snippet"]
    assert hits["next_cursor"] is None
    first = ann.get("/search?q=RUST in:messages&limit=1").json
    rest = ann.get(f"/search?q=RUST in:messages&limit=1&cursor={first['next_cursor']}").json
    assert {one["items"][0]["message_id"] for one in (first, rest)} <= {
        sent["user_message"]["id"],
        sent["message"]["id"],
    }
    assert actor("ben").get("/search?q=RUST").json == {"items": [], "next_cursor": None, "notes": []}


def test_what_is_refused(actor: Callable[[str], Actor]) -> None:
    ann = actor("ann")
    for query in ("", "?q=" + "a" * 501, "?q=a&limit=0", "?q=a&limit=51", "?q=a&cursor=x", "?q=a&page=2"):
        assert ann.get(f"/search{query}").status_code == 422, query
    assert ann.get("/search?q=").json["items"] == []
