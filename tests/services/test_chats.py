"""Chats: made, listed, changed, opened, deleted, each by its owner alone."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.domain.errors import AlreadyTaken, AppError, Invalid, NotFound
from api.domain.ids import new_id
from api.services.chats import ChatFilter, MessagePage, Side, Spot
from tests.services.whole import Whole, statements

EVERYTHING = ChatFilter()
SIDES: tuple[Side, ...] = ("before", "after", "around")


def titles(whole: Whole, **wanted: Any) -> list[str]:
    page = whole.services.chats.page(whole.ann, 100, None, ChatFilter(**wanted))
    return [chat.title for chat in page.items]


def test_a_chat_from_its_making_to_its_end(whole: Whole) -> None:
    chats = whole.services.chats
    made = chats.create(whole.ann, {"title": "Plans", "tags": ["a"], "parameters": {"temperature": 0.5}})
    assert (made.title, made.number, made.tags, made.parameters) == ("Plans", 1, ["a"], {"temperature": 0.5})
    assert chats.get(whole.ann, str(made.id)) == chats.get(whole.ann, made.slug) == made
    changed = chats.change(whole.ann, made.slug, {"title": "Better plans", "folder": "work"})
    assert changed == chats.get(whole.ann, str(made.id))
    assert (changed.title, changed.titled_by, changed.folder, changed.tags) == ("Better plans", "user", "work", ["a"])
    assert chats.change(whole.ann, made.slug, {}) == changed
    chats.delete(whole.ann, made.slug)
    for act in (chats.get, chats.open, chats.delete):
        with pytest.raises(NotFound):
            act(whole.ann, str(made.id))


def test_nobody_elses(whole: Whole) -> None:
    chats = whole.services.chats
    made = chats.create(whole.ann, {"slug": "mine"})
    for reference in (str(made.id), "mine"):
        for act in (chats.get, chats.open, chats.delete):
            with pytest.raises(NotFound):
                act(whole.ben, reference)
        with pytest.raises(NotFound):
            chats.change(whole.ben, reference, {"title": "stolen"})
    assert chats.create(whole.ben, {"slug": "mine"}).number == 1, "a slug is unique per user"
    assert chats.get(whole.ann, "mine") == made


@pytest.mark.parametrize("slug", ["a b", "ä", "x" * 51, "a/b", "../x", "a\n", "{0}"])
def test_slugs_that_are_none(whole: Whole, slug: str) -> None:
    slug = slug.format(new_id())
    with pytest.raises(Invalid):
        whole.services.chats.create(whole.ann, {"slug": slug})
    chat = whole.chat(whole.ann)
    with pytest.raises(Invalid):
        whole.services.chats.change(whole.ann, chat, {"slug": slug})


def test_a_slug_in_use(whole: Whole) -> None:
    chats = whole.services.chats
    chats.create(whole.ann, {"slug": "plan-1"})
    with pytest.raises(AlreadyTaken, match="plan-1") as refusal:
        chats.create(whole.ann, {"slug": "plan-1"})
    assert refusal.value.extra["errors"][0]["pointer"] == "/slug"
    other = chats.create(whole.ann, {})
    assert other.number == 2, "a refused one takes no number"
    with pytest.raises(AlreadyTaken, match="plan-1") as refusal:
        chats.change(whole.ann, str(other.id), {"slug": "plan-1"})
    assert refusal.value.extra["errors"][0]["pointer"] == "/slug"
    assert chats.change(whole.ann, "plan-1", {"slug": "plan-1"}).slug == "plan-1"


def outcomes(tasks: list[Any]) -> list[str]:
    def attempt(task: Any) -> str:
        try:
            task()
        except AppError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(tasks)) as pool:
        return sorted(pool.map(attempt, tasks))


def test_one_of_many_parallel_claims_of_a_slug_wins(whole: Whole) -> None:
    chats = whole.services.chats
    create = [lambda: chats.create(whole.ann, {"slug": "wanted"})] * 8
    assert outcomes(create) == ["already_taken"] * 7 + ["done"]
    others = [whole.chat(whole.ann) for _ in range(8)]
    change = [lambda chat=chat: chats.change(whole.ann, chat, {"slug": "sought"}) for chat in others]
    assert outcomes(change) == ["already_taken"] * 7 + ["done"]


def test_numbers_grow_and_are_never_given_twice(whole: Whole) -> None:
    chats = whole.services.chats
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: chats.create(whole.ann, {}).number, range(20)))
    assert sorted(numbers) == list(range(1, 21))
    page = chats.page(whole.ann, 100, None, EVERYTHING)
    for chat in page.items:
        chats.delete(whole.ann, str(chat.id))
    assert chats.create(whole.ann, {}).number == 21
    assert chats.create(whole.ben, {}).number == 1


def test_paging_is_stable_while_chats_come(whole: Whole) -> None:
    chats = whole.services.chats
    for number in range(10):
        whole.chat(whole.ann, title=f"old {number}")
    seen, cursor = [], None
    while True:
        page = chats.page(whole.ann, 3, cursor, EVERYTHING)
        seen += [chat.title for chat in page.items]
        whole.chat(whole.ann, title="new")
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"old {number}" for number in reversed(range(10))]


def test_a_page_that_is_just_full_is_the_last(whole: Whole) -> None:
    for _ in range(3):
        whole.chat(whole.ann)
    page = whole.services.chats.page(whole.ann, 3, None, EVERYTHING)
    assert (len(page.items), page.next_cursor) == (3, None)
    assert whole.services.chats.page(whole.ben, 3, None, EVERYTHING).items == []


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "x",
        "2026-01-01T00:00:00|" + "0" * 32,
        "2026-01-01T00:00:00+00:00|x",
        "0001-01-01T00:00:00+14:00|" + "0" * 32,
        "9999-12-31T23:59:59-14:00|" + "0" * 32,
        "2026-01-01T00:00:00+00:00|0|0",
    ],
)
def test_cursors_that_are_none(whole: Whole, inside: str) -> None:
    for cursor in (inside or "é", urlsafe_b64encode(inside.encode()).decode()):
        if cursor:
            with pytest.raises(Invalid):
                whole.services.chats.page(whole.ann, 3, cursor, EVERYTHING)


def test_newest_activity_first(whole: Whole) -> None:
    first, second = whole.chat(whole.ann, title="first"), whole.chat(whole.ann, title="second")
    assert titles(whole) == ["second", "first"]
    whole.said(whole.ann, first, "demo:fast hello")
    assert titles(whole) == ["first", "second"]
    whole.services.chats.change(whole.ann, second, {"pinned": True})
    assert titles(whole) == ["first", "second"], "to pin is no activity"


def test_pins_archive_folders_and_temporary_ones(whole: Whole) -> None:
    whole.chat(whole.ann, title="plain")
    whole.chat(whole.ann, title="pinned", pinned=True)
    whole.chat(whole.ann, title="away", archived=True)
    whole.chat(whole.ann, title="filed", folder="work")
    whole.chat(whole.ann, title="passing", temporary=True)
    assert titles(whole) == ["filed", "away", "pinned", "plain"]
    assert titles(whole, archived=False) == ["filed", "pinned", "plain"]
    assert titles(whole, archived=True) == ["away"]
    assert titles(whole, pinned=True) == ["pinned"]
    assert titles(whole, folder="work") == ["filed"]


def test_title_from_the_first_message_until_somebody_writes_one(whole: Whole) -> None:
    chats = whole.services.chats
    chat = whole.chat(whole.ann)
    assert chats.get(whole.ann, chat).title == "New chat"
    whole.said(whole.ann, chat, "  demo:fast\n how   are\tyou? ")
    assert chats.get(whole.ann, chat).title == "demo:fast how are you?"
    whole.said(whole.ann, chat, "demo:fast another thing")
    assert chats.get(whole.ann, chat).title == "demo:fast how are you?"
    named = whole.chat(whole.ann, title="Mine")
    whole.said(whole.ann, named, "demo:fast hello")
    assert chats.get(whole.ann, named).title == "Mine"


def test_opening_shows_the_newest_fifty_and_the_rest_page_by_page(whole: Whole) -> None:
    chats = whole.services.chats
    chat = whole.chat(whole.ann)
    for number in range(27):
        whole.said(whole.ann, chat, f"demo:fast {number}")
    _, newest = chats.open(whole.ann, chat)
    assert [message.seq for message in newest] == list(range(5, 55))
    before = chats.messages(whole.ann, chat, Spot(message=str(newest[0].id)), 3)
    assert _seen(before) == ([2, 3, 4], True, True)
    first = chats.messages(whole.ann, chat, Spot(message=str(before.items[0].id)), 3)
    assert _seen(first) == ([1], False, True)
    assert _seen(chats.messages(whole.ann, chat, Spot(message=str(first.items[0].id)), 3)) == ([], False, True)
    assert _seen(chats.messages(whole.ann, chat, Spot(), 54)) == (list(range(1, 55)), False, False)


def _seen(page: MessagePage) -> tuple[list[int], bool, bool]:
    return [message.seq for message in page.items], page.more, page.more_after


def _branched(whole: Whole) -> tuple[str, dict[int, str]]:
    """A chat, and its messages' ids by `seq`: 1 to 10 are shown; 11 is beside 5, and 12 to 14 go on below it."""
    chat = whole.chat(whole.ann)
    for number in range(5):
        whole.said(whole.ann, chat, f"demo:fast {number}")
    ids = {one.seq: str(one.id) for one in whole.services.chats.open(whole.ann, chat)[1]}
    whole.said(whole.ann, chat, "demo:fast otherwise", parent=ids[4])
    whole.said(whole.ann, chat, "demo:fast and on")
    ids |= {one.seq: str(one.id) for one in whole.services.chats.open(whole.ann, chat)[1]}
    return chat, ids


PARTS: list[tuple[Side, int, int, tuple[list[int], bool, bool]]] = [
    ("around", 5, 4, ([3, 4, 5, 6], True, True)),
    ("around", 1, 3, ([1, 2, 3], False, True)),
    ("around", 10, 3, ([8, 9, 10], True, False)),
    ("around", 9, 1, ([9], True, True)),
    ("around", 6, 50, (list(range(1, 11)), False, False)),
    ("around", 4, 50, (list(range(1, 11)), False, False)),  # on both branches: the shown one
    ("around", 11, 3, ([4, 11, 12], True, True)),
    ("around", 12, 50, ([1, 2, 3, 4, 11, 12, 13, 14], False, False)),
    ("after", 8, 5, ([9, 10], True, False)),
    ("after", 2, 2, ([3, 4], True, True)),
    ("after", 11, 2, ([12, 13], True, True)),
    ("after", 14, 2, ([], True, False)),
    ("before", 13, 3, ([4, 11, 12], True, True)),
]


def test_a_part_of_the_branch_that_showing_a_message_would_show(whole: Whole) -> None:
    chats, tree = whole.services.chats, whole.services.tree
    chat, ids = _branched(whole)
    for side, of, limit, seen in PARTS:
        tree.show(whole.ann, chat, ids[10])
        page = chats.messages(whole.ann, chat, Spot(side, ids[of]), limit)
        assert _seen(page) == seen, (side, of, limit)
        if of <= 10:
            continue
        tree.show(whole.ann, chat, ids[of])
        shown = [one.seq for one in chats.messages(whole.ann, chat, Spot(), 50).items]
        assert set(seen[0]) <= set(shown), (side, of, limit)
    tree.show(whole.ann, chat, ids[10])
    beside = chats.messages(whole.ann, chat, Spot("around", ids[11]), 3).items
    assert [sorted(map(str, one.sibling_ids)) for one in beside] == [
        [ids[4]],
        sorted([ids[5], ids[11]]),
        [ids[12]],
    ]
    few = statements(whole, lambda: chats.messages(whole.ann, chat, Spot("around", ids[11]), 1))
    many = statements(whole, lambda: chats.messages(whole.ann, chat, Spot("around", ids[11]), 50))
    assert len(few) == len(many)
    for side in SIDES:
        for who, where, message in (
            (whole.ann, chat, str(new_id())),
            (whole.ann, chat, "nonsense"),
            (whole.ann, chat, ""),
            (whole.ann, whole.chat(whole.ann), ids[1]),
            (whole.ben, chat, ids[1]),
        ):
            with pytest.raises(NotFound):
                chats.messages(who, where, Spot(side, message), 3)


def test_lists_load_no_texts_and_take_as_many_statements_for_many_as_for_one(whole: Whole) -> None:
    chats = whole.services.chats
    chat = whole.chat(whole.ann)
    whole.said(whole.ann, chat, "demo:fast hello")

    def look() -> None:
        chats.page(whole.ann, 100, None, EVERYTHING)

    def open_() -> None:
        chats.open(whole.ann, chat)

    one, opened = statements(whole, look), statements(whole, open_)
    for number in range(10):
        whole.said(whole.ann, chat, f"demo:fast {number}")
        whole.chat(whole.ann)
    assert len(one) == 1
    assert not any("messages" in statement for statement in one)
    assert [len(statements(whole, do)) for do in (look, open_)] == [1, len(opened)]


def test_deleting_stops_the_reply_that_runs(whole: Whole) -> None:
    chat = whole.chat(whole.ann)
    sent = whole.send(whole.ann, chat, "demo:stall")
    assert whole.services.chats.get(whole.ann, chat).active_generation_id == sent.generation_id
    whole.services.chats.delete(whole.ann, chat)
    assert whole.services.generations.running == 0
    with pytest.raises(NotFound):
        whole.services.chats.get(whole.ann, chat)


def test_model_configs_of_others_cannot_be_chosen(whole: Whole) -> None:
    config = whole.services.model_configs.get(whole.ann, whole.config(whole.ann)).id
    assert whole.services.chats.create(whole.ann, {"model_config_id": config}).model_config_id == config
    with pytest.raises(NotFound):
        whole.services.chats.create(whole.ben, {"model_config_id": config})
    chat = whole.chat(whole.ben)
    with pytest.raises(NotFound):
        whole.services.chats.change(whole.ben, chat, {"model_config_id": config})
