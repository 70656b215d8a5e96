"""/folders and /chats/bulk over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.web.conftest import Actor


def test_sorting_chats(actor: Callable[[str], Actor]) -> None:
    ann = actor("ann")
    ids = [ann.post("/chats", {"title": f"chat {number}"}).json["id"] for number in range(3)]
    moved = ann.post("/chats/bulk", {"action": "move", "ids": ids[:2], "folder": "Work"})
    assert moved.status_code == 200
    assert moved.json["items"] == [{"id": one, "done": True, "code": None, "detail": None} for one in ids[:2]]
    ann.post("/chats/bulk", {"action": "tag", "ids": [ids[2]], "tags": ["b", "a"]})
    ann.post("/chats/bulk", {"action": "archive", "ids": [ids[0]]})
    assert ann.get("/folders").json == {
        "folders": [{"name": "Work", "chats": 2, "archived": 1}],
        "tags": [{"name": "a", "chats": 1, "archived": 0}, {"name": "b", "chats": 1, "archived": 0}],
        "unfiled": {"name": "", "chats": 1, "archived": 0},
    }
    assert [chat["id"] for chat in ann.get("/chats?folder=Work").json["items"]] == [ids[1]]
    assert [chat["id"] for chat in ann.get("/chats?tag=a").json["items"]] == [ids[2]]
    assert [chat["id"] for chat in ann.get("/chats?folder=").json["items"]] == [ids[2]]
    gone = ann.post("/chats/bulk", {"action": "delete", "ids": [*ids, "never"]}).json["items"]
    assert [one["code"] for one in gone] == [None, None, None, "not_found"]
    assert ann.get("/folders").json["folders"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"action": "burn", "ids": ["a"]},
        {"action": "pin", "ids": []},
        {"action": "pin", "ids": ["a"] * 201},
        {"action": "move", "ids": ["a"]},
        {"action": "tag", "ids": ["a"]},
        {"action": "untag", "ids": ["a"], "tags": []},
        {"action": "tag", "ids": ["a"], "tags": [""]},
        {"action": "pin", "ids": ["a"], "title": "x"},
    ],
)
def test_orders_that_cannot_be_meant(actor: Callable[[str], Actor], body: dict[str, object]) -> None:
    answer = actor("ann").post("/chats/bulk", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
