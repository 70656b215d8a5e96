"""Folders and tags with their counts, and one thing done to many chats."""

from __future__ import annotations

import pytest

from api.domain.folders import MOST_TAGS, Action, Label
from api.domain.ids import new_id
from api.services.chats import ChatFilter
from api.services.folders import Order, Outcome, Shelves
from tests.services.whole import Whole, statements

EVERY = ChatFilter()


def titles(whole: Whole, wanted: ChatFilter = EVERY) -> list[str]:
    return sorted(chat.title for chat in whole.services.chats.page(whole.ann, 100, None, wanted).items)


def test_folders_and_tags_are_counted(whole: Whole) -> None:
    nothing = whole.services.folders.all(whole.ann)
    assert nothing == Shelves([], [], Label("", 0, 0))
    whole.chat(whole.ann, title="a", folder="work", tags=["x", "Ä"])
    whole.chat(whole.ann, title="b", folder="work", archived=True, tags=["x"])
    whole.chat(whole.ann, title="c", folder="Home")
    whole.chat(whole.ann, title="d")
    whole.chat(whole.ann, title="t", folder="secret", tags=["secret"], temporary=True)
    whole.chat(whole.ben, folder="Ben's", tags=["ben"])
    shelves = whole.services.folders.all(whole.ann)
    assert shelves.folders == [Label("Home", 1, 0), Label("work", 2, 1)]
    assert shelves.tags == [Label("x", 2, 1), Label("Ä", 1, 0)]
    assert shelves.unfiled == Label("", 1, 0)
    assert titles(whole, ChatFilter(folder="work")) == ["a", "b"]
    assert titles(whole, ChatFilter(folder="")) == ["d"]
    assert titles(whole, ChatFilter(tag="x")) == ["a", "b"]
    assert titles(whole, ChatFilter(tag='x"]')) == []


@pytest.mark.parametrize(
    ("action", "after"),
    [
        ("archive", {"archived": True}),
        ("unarchive", {"archived": False}),
        ("pin", {"pinned": True}),
        ("unpin", {"pinned": False}),
        ("move", {"folder": "new"}),
        ("tag", {"tags": ["a", "new"]}),
        ("untag", {"tags": []}),
    ],
)
def test_one_thing_done_to_many(whole: Whole, action: Action, after: dict[str, object]) -> None:
    chats = whole.services.chats
    before = {"archived": action == "unarchive", "pinned": action == "unpin", "folder": "old", "tags": ["a"]}
    first, second, untouched = (whole.chat(whole.ann, **before) for _ in range(3))
    bens, never = whole.chat(whole.ben), str(new_id())
    slug = chats.get(whole.ann, second).slug
    tags = ["a", "new"] if action == "tag" else ["a"]
    order = Order(action, [first, bens, slug, never, first, "no such slug"], folder="new", tags=tags)
    outcomes = whole.services.folders.bulk(whole.ann, order)
    assert [(one.id, one.done, one.code) for one in outcomes] == [
        (first, True, None),
        (bens, False, "not_found"),
        (slug, True, None),
        (never, False, "not_found"),
        ("no such slug", False, "not_found"),
    ]
    for chat in (first, second):
        found = chats.get(whole.ann, chat)
        assert {name: getattr(found, name) for name in before} == before | after
    other, mine = chats.get(whole.ben, bens), chats.get(whole.ann, untouched)
    assert (other.folder, other.tags, mine.folder, mine.tags) == (None, [], "old", ["a"])


def test_out_of_their_folders(whole: Whole) -> None:
    chat = whole.chat(whole.ann, folder="old")
    assert whole.services.folders.bulk(whole.ann, Order("move", [chat])) == [Outcome(chat, True)]
    assert whole.services.chats.get(whole.ann, chat).folder is None


def test_a_chat_with_no_room_for_a_tag_is_named_and_left(whole: Whole) -> None:
    full = whole.chat(whole.ann, tags=[f"t{number}" for number in range(MOST_TAGS)])
    free = whole.chat(whole.ann)
    refused, done = whole.services.folders.bulk(whole.ann, Order("tag", [full, free], tags=["one more"]))
    assert (refused.code, done.done) == ("too_many_tags", True)
    assert len(whole.services.chats.get(whole.ann, full).tags) == MOST_TAGS
    assert whole.services.folders.bulk(whole.ann, Order("tag", [full], tags=["t3"])) == [Outcome(full, True)]


def test_deleting_many_stops_what_runs_in_them(whole: Whole) -> None:
    idle, busy, bens, kept = whole.chat(whole.ann), whole.chat(whole.ann), whole.chat(whole.ben), whole.chat(whole.ann)
    whole.said(whole.ann, idle, "demo:fast hello")
    whole.send(whole.ann, busy, "demo:stall")
    outcomes = whole.services.folders.bulk(whole.ann, Order("delete", [idle, busy, bens]))
    assert [one.done for one in outcomes] == [True, True, False]
    assert whole.services.generations.running == 0
    left = whole.services.chats.page(whole.ann, 100, None, EVERY).items
    assert [str(chat.id) for chat in left] == [kept]
    assert whole.services.chats.get(whole.ben, bens)


def test_as_many_statements_for_many_chats_as_for_one(whole: Whole) -> None:
    whole.said(whole.ann, whole.chat(whole.ann, folder="a", tags=["a"]), "demo:fast hello")

    def look() -> None:
        whole.services.folders.all(whole.ann)

    one = statements(whole, look)
    for number in range(20):
        whole.chat(whole.ann, folder=f"f{number}", tags=[f"t{number}", "all"])
    assert len(statements(whole, look)) == len(one) == 2
    assert not any("messages" in statement for statement in one)
