"""Imports: what an export wrote comes back as it was, twice is once, and nothing is ever half stored."""

from __future__ import annotations

import datetime as dt
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from api.domain import clock
from api.domain.ids import new_id
from api.domain.instance import InstanceSettings
from api.domain.principal import Principal
from api.importers.files import conversations
from api.models.chats import CHATS, MESSAGES
from api.services.imports import Seen
from api.services.imports import service as importing
from api.services.retention import RetentionService
from tests import hypothesis_profiles  # noqa: F401
from tests.importers.products import (
    NIL,
    chatgpt,
    claude,
    claude_message,
    libre_message,
    librechat,
    open_webui,
    webui_message,
)
from tests.services.trees import Tree, exported, put, talk, trees
from tests.services.whole import Whole

EXAMPLES = settings().max_examples // 4


def imported(whole: Whole, who: Principal, data: bytes, limit: int = 1000) -> Seen:
    """Read here and now."""
    run = whole.services.imports.whole(who, io.BytesIO(data), len(data))
    return whole.services.imports.seen(who, str(run.id), 0, limit)


def outcomes(seen: Seen) -> list[str]:
    return [one.outcome for one in seen.results]


def rows(whole: Whole) -> tuple[int, int]:
    """How many chats and messages there are."""
    count = [sa.select(sa.func.count()).select_from(one) for one in (CHATS, MESSAGES)]
    return whole.services.chats._store.read(
        lambda work: tuple(work.connection.execute(one).scalar_one() for one in count)
    )  # type: ignore[return-value]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=EXAMPLES)
@given(tree=trees)
def test_export_import_export_is_byte_identical(whole: Whole, tree: Tree) -> None:
    """To another account, to one's own after it was deleted there, and in a zip with others."""
    chat = put(whole, whole.ann, tree)
    first = exported(whole, whole.ann, chat)
    assert outcomes(imported(whole, whole.ben, first)) == ["added"]
    assert exported(whole, whole.ben, chat) == first
    assert outcomes(imported(whole, whole.ann, first)) == ["unchanged"]
    whole.services.chats.delete(whole.ann, chat)
    assert outcomes(imported(whole, whole.ann, first)) == ["added"]
    assert exported(whole, whole.ann, chat) == first
    whole.services.chats.delete(whole.ann, chat)


def test_a_zip_of_everything_comes_back_as_the_same_zip(whole: Whole) -> None:
    for number in range(5):
        talk(whole, whole.ann, "hello", "hi", f"bye {number}", title=f"T {number}")
    data = b"".join(whole.services.exports.all(whole.ann).chunks)
    seen = imported(whole, whole.ben, data)
    assert (seen.run.state, seen.run.added, seen.run.done) == ("complete", 5, len(data))
    assert b"".join(whole.services.exports.all(whole.ben).chunks) == data
    again = imported(whole, whole.ben, data)
    assert (again.run.unchanged, again.run.added) == (5, 0)
    assert {one.chat_id for one in again.results} == {one.chat_id for one in seen.results}


def test_what_was_said_since_is_added_and_nothing_here_is_changed(whole: Whole) -> None:
    chat = talk(whole, whole.ann, "one", "two")
    early = exported(whole, whole.ann, chat)
    imported(whole, whole.ben, early)
    whole.config(whole.ann)
    whole.said(whole.ann, chat, "three")
    late = exported(whole, whole.ann, chat)
    whole.services.chats.change(whole.ben, chat, {"title": "Ben's name for it"})
    seen = imported(whole, whole.ben, late)
    assert (outcomes(seen), seen.results[0].messages) == (["extended"], 2)
    path = whole.services.chats.open(whole.ben, chat)[1]
    assert [one.content for one in path[:3]] == ["one", "two", "three"]
    assert whole.services.chats.get(whole.ben, chat).title == "Ben's name for it"
    assert outcomes(imported(whole, whole.ben, early)) == ["unchanged"], "an older file adds nothing"


def test_an_import_touches_its_chats_old_as_they_are(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = talk(whole, whole.ann, "one", "two")
    record = json.loads(exported(whole, whole.ann, chat))
    record["chat"]["updated_at"] = "2001-02-03T04:05:06.000007+00:00"
    imported(whole, whole.ben, json.dumps(record).encode())
    keeping = RetentionService(whole.services.chats._store, lambda: InstanceSettings(retention_chats_days=30))
    assert keeping.prune()["chats"] == 0
    assert whole.services.chats.get(whole.ben, chat).updated_at.year == 2001
    moment = clock.now() + dt.timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert keeping.prune()["chats"] == 2, "both had their time here"


def test_who_went_on_keeps_the_branch_that_he_sees(whole: Whole) -> None:
    chat = talk(whole, whole.ann, "one", "two")
    imported(whole, whole.ben, exported(whole, whole.ann, chat))
    for who in (whole.ann, whole.ben):
        whole.config(who)
        whole.said(who, chat, f"{who.username} goes on")
    before = whole.services.chats.open(whole.ben, chat)[1]
    imported(whole, whole.ben, exported(whole, whole.ann, chat))
    assert whole.services.chats.open(whole.ben, chat)[1][-1].id == before[-1].id
    assert len(json.loads(exported(whole, whole.ben, chat))["messages"]) == 6


def test_a_branch_that_was_deleted_comes_back_from_an_export(whole: Whole) -> None:
    chat = talk(whole, whole.ann, "one", "two", "three", "four")
    data = exported(whole, whole.ann, chat)
    path = whole.services.chats.open(whole.ann, chat)[1]
    whole.services.tree.delete(whole.ann, str(path[2].id))
    seen = imported(whole, whole.ann, data)
    assert (seen.results[0].outcome, seen.results[0].messages) == ("extended", 2)
    assert [one.content for one in whole.services.chats.open(whole.ann, chat)[1]] == ["one", "two", "three", "four"]


def test_ids_that_another_chat_has_are_not_taken_from_it(whole: Whole) -> None:
    """A copy under another id, made by hand."""
    chat = talk(whole, whole.ann, "one", "two")
    copy = json.loads(exported(whole, whole.ann, chat))
    copy["chat"] |= {"id": str(new_id()), "title": "A copy"}
    for expected in ("added", "unchanged"):
        seen = imported(whole, whole.ann, json.dumps(copy).encode())
        assert outcomes(seen) == [expected]
    made = whole.services.chats.open(whole.ann, copy["chat"]["id"])
    assert [one.content for one in made[1]] == ["one", "two"]
    assert made[0].slug != whole.services.chats.get(whole.ann, chat).slug
    assert [one.content for one in whole.services.chats.open(whole.ann, chat)[1]] == ["one", "two"]
    assert not {one.id for one in made[1]} & {one.id for one in whole.services.chats.open(whole.ann, chat)[1]}


def test_links_to_what_another_account_has_are_dropped_with_a_word(whole: Whole) -> None:
    prompt = whole.services.prompts.create(whole.ann, {"name": "Mine", "content": "Be brief."})
    values: dict[str, Any] = {"model_config_id": UUID(whole.config(whole.ann)), "prompt_id": prompt.id}
    values["parameters"] = {"max_tokens": 9, "prompt_values": {"language": "Norwegian"}}
    chat = str(whole.services.chats.create(whole.ann, values).id)
    data = exported(whole, whole.ann, chat)
    [result] = imported(whole, whole.ben, data).results
    assert "model config" in (result.detail or "")
    assert "prompt" in (result.detail or "")
    made = whole.services.chats.get(whole.ben, chat)
    assert (made.model_config_id, made.prompt_id) == (None, None)
    whole.services.chats.delete(whole.ann, chat)
    assert imported(whole, whole.ann, data).results[0].detail is None
    assert exported(whole, whole.ann, chat) == data


Change = Callable[[dict[str, Any]], Any]
WRONG: dict[str, tuple[Change, str]] = {
    "a newer version": (lambda x: x.update(version=2), "version"),
    "a name that is none": (lambda x: x.update(evil=1), "evil"),
    "no chat": (lambda x: x.update(chat=[]), "no object"),
    "a chat without an id": (lambda x: x["chat"].pop("id"), "'id'"),
    "an id that is none": (lambda x: x["chat"].update(id="../../etc/passwd"), "'id'"),
    "a title that is too long": (lambda x: x["chat"].update(title="x" * 201), "'title'"),
    "a title of NUL": (lambda x: x["chat"].update(title="\0"), "'title'"),
    "half a character": (lambda x: x["messages"][0].update(content="\ud800"), "'content'"),
    "a slug with a path": (lambda x: x["chat"].update(slug="../x"), "'slug'"),
    "a parameter that goes elsewhere": (
        lambda x: x["chat"].update(parameters={"base_url": "http://x"}),
        "'parameters'",
    ),
    "a temperature of text": (lambda x: x["chat"].update(parameters={"temperature": "hot"}), "'parameters'"),
    "a blank of a number": (lambda x: x["chat"].update(parameters={"prompt_values": {"n": 3}}), "'parameters'"),
    "a plan without planner": (lambda x: x["chat"].update(plan={"answerer": "a", "review": False}), "'plan'"),
    "tags that are no texts": (lambda x: x["chat"].update(tags=[1]), "'tags'"),
    "more tags than there may be": (lambda x: x["chat"].update(tags=["t"] * 21), "'tags'"),
    "a time without a zone": (lambda x: x["chat"].update(created_at="2026-01-01T00:00:00"), "'created_at'"),
    "a time before time": (lambda x: x["chat"].update(created_at="0001-01-01T00:00:00+23:00"), "'created_at'"),
    "a head that is not there": (lambda x: x["chat"].update(head_id=str(new_id())), "head_id"),
    "a flag of text": (lambda x: x["chat"].update(pinned="yes"), "'pinned'"),
    "messages that are no list": (lambda x: x.update(messages={}), "no list"),
    "a message that is none": (lambda x: x["messages"].append(7), "message 4 is no object"),
    "an unknown role": (lambda x: x["messages"][1].update(role="root"), "message 2 has no valid 'role'"),
    "a reply that runs": (lambda x: x["messages"][1].update(status="running"), "'status'"),
    "an unknown kind": (lambda x: x["messages"][1].update(kind="html"), "'kind'"),
    "content of a number": (lambda x: x["messages"][1].update(content=7), "'content'"),
    "two of one id": (lambda x: x["messages"][1].update(id=x["messages"][0]["id"]), "Two of its"),
    "its own parent": (lambda x: x["messages"][1].update(parent_id=x["messages"][1]["id"]), "circle"),
    "parents in a circle": (lambda x: x["messages"][0].update(parent_id=x["messages"][2]["id"]), "circle"),
    "a parent that is not there": (lambda x: x["messages"][1].update(parent_id=str(new_id())), "parent"),
    "metadata of a list": (lambda x: x["messages"][1].update(metadata=[]), "'metadata'"),
    "a rating that is none": (lambda x: x["messages"][1]["metadata"].update(feedback={"rating": 5}), "'metadata'"),
    "an error of numbers": (lambda x: x["messages"][1]["metadata"].update(error="x"), "'metadata'"),
    "parts that are too deep": (lambda x: x["messages"][1].update(parts=[deep(60)]), "levels deep"),
    "a number beyond all": (lambda x: x["messages"][1].update(parts=[{"n": "INFINITE"}]), "larger than any"),
    "a message that is too long": (lambda x: x["messages"][1].update(content="x" * 1_000_001), "1,000,001"),
}


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_each_wrong_chat_is_named_and_nothing_of_it_is_stored(whole: Whole) -> None:
    """All in one file, between two good ones that go in."""
    source = talk(whole, whole.ann, "one", "two", "three")
    good = json.loads(exported(whole, whole.ann, source))
    files = []
    for name, (spoil, _) in WRONG.items():
        bad = json.loads(json.dumps(good))
        bad["chat"] |= {"id": str(new_id()), "title": name}
        spoil(bad)
        files.append(json.dumps(bad).replace('"INFINITE"', "1e999"))
    last = json.loads(json.dumps(good))
    last["chat"]["id"] = str(new_id())
    before = rows(whole)
    seen = imported(whole, whole.ben, f"[{json.dumps(good)},{','.join(files)},{json.dumps(last)}]".encode())
    assert outcomes(seen) == ["added", *["failed"] * len(WRONG), "added"]
    for (name, (_, words)), result in zip(WRONG.items(), seen.results[1:-1], strict=True):
        assert words in (result.detail or ""), (name, result.detail)
        assert result.chat_id is None
    assert rows(whole) == (before[0] + 2, before[1] + 6)


@pytest.mark.parametrize(
    ("data", "state", "words"),
    [
        (b"   ", "failed", "neither a zip nor JSON"),
        (b"[]", "failed", "no conversation"),
        (b"PK\x03\x04 half a zip", "failed", "damaged or only half"),
        ("\ufeff[]".encode("utf-16"), "failed", "neither a zip nor JSON"),
        (b"\x1f\x8b\x08 gzip", "failed", "neither a zip nor JSON"),
        (b"%PDF-1.7", "complete", "not JSON"),
        (b"[1, null, [], \"x\"]", "complete", "no object"),
        (b'{"a": 1}', "complete", "none of the forms"),
        (b'[{"a": tru}]', "complete", "not JSON"),
        (b'{"format": "parley"', "complete", "breaks off"),
        (b'[{"a": 1},', "complete", "breaks off"),
        (b'{"a": "\xff"}', "complete", "not UTF-8"),
        (b'{"a": ' * 30_000 + b"1" + b"}" * 30_000, "complete", "nested 30,000"),
        (b'{"a": ' * 5_000 + b"1" + b"}" * 5_000, "complete", "none of the forms"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "complete", "not JSON"),
    ],
)  # fmt: skip
def test_files_that_hold_nothing_readable(whole: Whole, data: bytes, state: str, words: str) -> None:
    seen = imported(whole, whole.ann, data)
    assert seen.run.state == state
    assert words in (seen.run.detail or "") + (seen.results[-1].detail or "" if seen.results else "")
    assert rows(whole) == (0, 0)


def test_half_a_file_brings_what_is_whole_in_it(whole: Whole) -> None:
    files = [exported(whole, whole.ann, talk(whole, whole.ann, "a", "b", title=f"T{n}")).decode() for n in range(4)]
    data = f"[{','.join(files)}]".encode()
    seen = imported(whole, whole.ben, data[: len(data) - len(files[-1]) // 2])
    assert outcomes(seen) == ["added", "added", "added", "failed"]
    assert "breaks off" in (seen.results[-1].detail or "")
    assert len(whole.services.chats.all(whole.ben)) == 3


def zip_of(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


def test_hostile_zips(whole: Whole, tmp_path: Any) -> None:
    good = exported(whole, whole.ann, talk(whole, whole.ann, "a", "b"))
    climbing = imported(
        whole, whole.ben, zip_of(**{"../../../chats-1.json": good, "/etc/chats-2.json": b"{", "x.exe": b""})
    )
    assert sorted(outcomes(climbing)) == ["added", "failed"]
    broken = bytearray(zip_of(**{"chats-1.json": good * 50, "chats-2.json": good}))
    broken[60] ^= 0xFF
    damaged = imported(whole, whole.ben, bytes(broken))
    assert "damaged" in " ".join(one.detail or "" for one in damaged.results)
    assert damaged.results[-1].outcome == "unchanged", "the file behind it is read all the same"
    half = imported(whole, whole.ben, zip_of(**{"chats-1.json": good})[:-40])
    assert (half.run.state, "only half" in (half.run.detail or "")) == ("failed", True)
    nothing = imported(whole, whole.ben, zip_of(**{"photo.png": b"x"}))
    assert "no JSON file" in (nothing.run.detail or "")
    many = imported(whole, whole.ben, zip_of(**{f"{n}": b"" for n in range(10_001)}))
    assert "10,000 entries" in (many.run.detail or "")


def test_a_zip_bomb_is_not_unpacked_further_than_the_limit(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = importing.Limits(unpacked=3_000_000, conversation=100_000)
    monkeypatch.setattr(whole.services.imports, "_limits", limits)
    bomb = zip_of(**{"conversations.json": b"[" + b" " * 50_000_000 + b"]"})
    seen = imported(whole, whole.ann, bomb)
    assert "IMPORT_UNPACKED_BYTES" in (seen.results[0].detail or "")
    large = exported(whole, whole.ann, talk(whole, whole.ann, "x" * 200_000))
    small = exported(whole, whole.ann, talk(whole, whole.ann, "x"))
    seen = imported(whole, whole.ben, b"[" + large + b"," + small + b"]")
    assert outcomes(seen) == ["failed", "added"]
    assert "IMPORT_CHAT_BYTES" in (seen.results[0].detail or "")


def test_one_chat_is_in_memory_at_a_time(whole: Whole) -> None:
    """10 MB of chats, of which each is read whole and given away."""
    one = exported(whole, whole.ann, talk(whole, whole.ann, *("x" * 4000 for _ in range(50))))
    data = io.BytesIO(b"[" + b",".join([one] * 50) + b"]")
    tracemalloc.start()
    try:
        assert sum(1 for _ in conversations(data, importing.Limits(10**9, 10**7), lambda _: None)) == 50
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


# Other products


def products() -> list[tuple[str, bytes, int]]:
    u = libre_message("1", NIL, "q", True, libre_message("2", "1", "a", False))
    items: list[tuple[str, list[Any]]] = [
        ("chatgpt", [chatgpt(), chatgpt("conv-2")]),
        ("claude", [claude(claude_message("1", "human", "q"), claude_message("2", "assistant", "a"))]),
        ("open-webui", [open_webui(webui_message("1", None, "user", "q"), webui_message("2", "1", "assistant", "a"))]),
        ("librechat", [librechat(u)]),
    ]
    return [(name, json.dumps(of_it).encode(), len(of_it)) for name, of_it in items]


@pytest.mark.parametrize(("source", "data", "count"), products())
def test_other_products_come_in_once(whole: Whole, source: str, data: bytes, count: int) -> None:
    first = imported(whole, whole.ann, data)
    assert (first.run.added, first.run.failed, {one.source for one in first.results}) == (count, 0, {source})
    stored = rows(whole)
    again = imported(whole, whole.ann, data)
    assert (again.run.unchanged, again.run.added) == (count, 0)
    assert rows(whole) == stored
    for one in first.results:
        chat, path = whole.services.chats.open(whole.ann, str(one.chat_id))
        assert chat.head_id == path[-1].id
        assert chat.created_at.year < 2026, "its times are its own"
    whole.services.chats.delete(whole.ann, str(first.results[0].chat_id))
    assert imported(whole, whole.ann, data).run.added == 1, "what was deleted comes back when one asks again"
    own = exported(whole, whole.ann, str(first.results[0].chat_id))
    assert outcomes(imported(whole, whole.ben, own)) == ["added"]
    assert exported(whole, whole.ben, str(first.results[0].chat_id)) == own


def test_a_newer_export_adds_what_was_said_since(whole: Whole) -> None:
    later = chatgpt(update_time=1_800_000_000)
    early = json.loads(json.dumps(later))
    for name in ("u2", "t", "a2"):
        del early["mapping"][name]
    early["current_node"] = "a1b"
    [first] = imported(whole, whole.ann, json.dumps(early).encode()).results
    [second] = imported(whole, whole.ann, json.dumps([later]).encode()).results
    assert (first.outcome, second.outcome, second.messages) == ("added", "extended", 2)
    path = whole.services.chats.open(whole.ann, str(first.chat_id))[1]
    assert [one.content for one in path] == ["u1", "a1b", "u2", "a2"]


def test_one_bad_conversation_among_many_is_named_and_the_others_are_in(whole: Whole) -> None:
    items: list[Any] = [chatgpt(f"c{n}") for n in range(100)]
    items[50] = {"title": "Broken", "conversation_id": "c50", "mapping": []}
    seen = imported(whole, whole.ann, json.dumps(items).encode())
    assert (seen.run.added, seen.run.failed) == (99, 1)
    assert [(one.title, one.source_id) for one in seen.results if one.outcome == "failed"] == [("Broken", "c50")]


def test_an_imported_chat_goes_on_here(whole: Whole) -> None:
    """With tools and unknown parts in it, which no provider is sent."""
    item = chatgpt()
    item["mapping"]["a2"]["message"]["content"] = {"content_type": "multimodal_text", "parts": ["a2", {"x": 1}]}
    [result] = imported(whole, whole.ann, json.dumps(item).encode()).results
    whole.config(whole.ann)
    reply = whole.said(whole.ann, str(result.chat_id), "and now?")
    assert reply.status == "complete"
