"""Chats as files: whole, escaped, streamed, and nobody else's."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.domain.errors import NotFound
from api.services.exports import archive as archives
from api.services.exports import html, service
from tests import hypothesis_profiles  # noqa: F401
from tests.server import until
from tests.services.trees import Tree, exported, put, talk, texts, trees
from tests.services.whole import Whole

HOSTILE = (
    "</title></style></pre></div><script>alert(1)</script><img src=//elsewhere.invalid/x onerror=alert(1)>"
    "\"'><a href='javascript:alert(1)'>x</a>\x1b[31m\u202e"
)


class Seen(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.style = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "style" and not self.style:
            self.style = data
        else:
            self.text += data

    def names(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def test_json_has_everything_of_all_branches(whole: Whole) -> None:
    plan = {"planner": "openai/text", "answerer": "openai/text", "review": True}
    chat = whole.services.chats.create(
        whole.ann, {"title": "Äpfel", "folder": "Work", "tags": ["x", "y"], "pinned": True, "model": "openai/text"}
    )
    whole.config(whole.ann)
    whole.said(whole.ann, str(chat.id), "hello")
    whole.services.chats.change(whole.ann, str(chat.id), {"plan": plan})
    first = whole.services.chats.open(whole.ann, str(chat.id))[1]
    whole.services.tree.rate(whole.ann, str(first[-1].id), "up", "nice")
    told = json.loads(exported(whole, whole.ann, str(chat.id)))
    assert (told["format"], told["version"]) == ("parley", 1)
    about = told["chat"]
    assert (about["title"], about["folder"], about["tags"], about["pinned"]) == ("Äpfel", "Work", ["x", "y"], True)
    assert (about["plan"], about["slug"], about["head_id"]) == (plan, chat.slug, str(first[-1].id))
    assert [one["parent_id"] for one in told["messages"]] == [None, *(one["id"] for one in told["messages"][:-1])]
    reply = told["messages"][-1]
    assert reply["metadata"]["feedback"] == {"rating": "up", "comment": "nice"}
    assert (reply["provider"], reply["status"]) == (first[-1].provider, "complete")


def test_a_reply_that_still_runs_leaves_as_interrupted(whole: Whole) -> None:
    chat = talk(whole, whole.ann, "hello", "half", status="running")
    assert [one["status"] for one in json.loads(exported(whole, whole.ann, chat))["messages"]] == ["interrupted"] * 2
    assert "interrupted" in exported(whole, whole.ann, chat, "markdown").decode()


def test_another_account_has_no_export_of_it(whole: Whole) -> None:
    chat = talk(whole, whole.ann, "hello")
    for form in ("json", "markdown", "html"):
        with pytest.raises(NotFound):
            whole.services.exports.one(whole.ben, chat, form)
    assert zipped(whole, whole.ben) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(tree=trees)
def test_every_tree_is_a_json_file_and_a_page_of_our_elements_only(whole: Whole, tree: Tree) -> None:
    chat = put(whole, whole.ann, tree)
    told = json.loads(exported(whole, whole.ann, chat))
    assert [one["content"] for one in told["messages"]] == [node.values["content"] for node in tree.nodes]
    seen = Seen(exported(whole, whole.ann, chat, "html").decode())
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "dl", "dt", "dd", "bdi", "section", "h2", "p"}
    assert seen.names() <= allowed | {"details", "summary", "div", "pre", "code"}
    assert all(
        set(attrs) <= {"lang", "charset", "http-equiv", "content", "name", "dir", "class"} for _, attrs in seen.elements
    )
    assert exported(whole, whole.ann, chat, "markdown")


def test_hostile_text_is_text_everywhere(whole: Whole) -> None:
    parts = [{"type": HOSTILE, "name": HOSTILE, "text": HOSTILE}, HOSTILE]
    metadata = {"feedback": {"rating": "up", "comment": HOSTILE}, "error": {"detail": HOSTILE}}
    chat = talk(
        whole, whole.ann, HOSTILE, HOSTILE, title=HOSTILE[:200], parts=parts, metadata=metadata, model=HOSTILE[:150],
        reasoning=HOSTILE,
    )  # fmt: skip
    whole.services.chats.change(whole.ann, chat, {"folder": HOSTILE[:100], "tags": [HOSTILE[:50]]})
    seen = Seen(exported(whole, whole.ann, chat, "html").decode())
    assert not seen.names() & {"script", "img", "a", "iframe", "link"}
    assert seen.text.count("<script>alert(1)</script>") >= 10
    assert seen.elements[3][1]["content"] == html.POLICY
    assert seen.style == html.STYLE, "the policy's hash is that of this style"
    assert "<script" not in exported(whole, whole.ann, chat, "markdown").decode().splitlines()[0]


def test_a_thousand_open_fences_take_no_time() -> None:
    """A pattern over the whole text would take minutes; this is read once."""
    pieces = list(html._content("".join(f"{'`' * (3 + n % 40)}x\n" for n in range(20_000))))
    assert sum(map(len, pieces)) > 20_000


@given(content=texts)
def test_code_is_set_as_code_and_nothing_is_lost(content: str) -> None:
    page = "".join(html._content(f"before\n```py\n{content.replace('`', '')}\n```\nafter"))
    assert page.startswith("<div dir=auto>before</div>\n<pre dir=auto><code>")
    assert page.endswith("<div dir=auto>after</div>\n")


@given(st.text(max_size=80))
def test_file_names_are_safe_on_every_disk(title: str) -> None:
    name = service._file_name(title)
    assert 0 < len(name) <= 60
    assert not set(name) & set('/\\:*?"<>|.\0\n\r ')


def zipped(whole: Whole, who: Any) -> list[Any]:
    data = b"".join(whole.services.exports.all(who).chunks)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[-1] == "manifest.json"
        chats = [chat for name in names[:-1] for chat in json.loads(archive.read(name))]
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["chats"] == len(chats)
        assert (manifest["parts"], manifest["files"]) == (len(names) - 1, 0)
    return chats


def test_all_chats_are_in_the_zip_but_temporary_ones(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PART_CHATS", 3)
    monkeypatch.setattr(service, "CHATS", 2)
    made = {talk(whole, whole.ann, f"hello {n}", title=f"T{n}") for n in range(7)}
    whole.chat(whole.ann, temporary=True)
    talk(whole, whole.ben, "not yours")
    found = zipped(whole, whole.ann)
    assert {one["chat"]["id"] for one in found} == made
    singles = {chat: json.loads(exported(whole, whole.ann, chat)) for chat in made}
    assert all(singles[one["chat"]["id"]] == one for one in found)


def test_no_transaction_or_connection_is_open_between_two_pieces(whole: Whole) -> None:
    talk(whole, whole.ann, *("x" * 40_000 for _ in range(60)))
    pool = whole.services.chats._store.database
    pieces = 0
    for chunks in (
        whole.services.exports.all(whole.ann).chunks,
        whole.services.exports.one(whole.ann, newest(whole), "html").chunks,
    ):
        for _ in chunks:
            pieces += 1
            until(lambda: pool.pool_in_use() == 0)  # housekeeping may have one for a moment, an export would keep it
    assert pieces > 4


def newest(whole: Whole) -> str:
    return str(whole.services.chats.all(whole.ann)[0].id)


def test_a_long_chat_is_never_in_memory_as_a_whole(whole: Whole) -> None:
    """30 MB of messages; what is held at once is a batch of them."""
    chat = talk(whole, whole.ann, *("字x" * 25_000 for _ in range(300)))
    for chunks in (
        lambda: whole.services.exports.one(whole.ann, chat, "json").chunks,
        lambda: whole.services.exports.one(whole.ann, chat, "html").chunks,
        lambda: whole.services.exports.all(whole.ann).chunks,
    ):
        tracemalloc.start()
        try:
            consume(chunks())
            assert tracemalloc.get_traced_memory()[1] < 15_000_000
        finally:
            tracemalloc.stop()


def consume(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def test_a_chat_that_goes_while_it_is_written_leaves_a_file_that_is_whole(whole: Whole) -> None:
    chat = talk(whole, whole.ann, *("x" * 10_000 for _ in range(60)))
    chunks = whole.services.exports.one(whole.ann, chat, "json").chunks
    first = next(chunks)
    whole.services.chats.delete(whole.ann, chat)
    assert len(json.loads(first + b"".join(chunks))["messages"]) < 60


def test_the_number_of_statements_grows_by_batches_only(whole: Whole) -> None:
    chat = talk(whole, whole.ann, *("x" for _ in range(100)))
    seen: list[str] = []
    reader = whole.services.chats._store.database.reader
    sa.event.listen(reader, "before_cursor_execute", lambda *values: seen.append(values[2]))
    exported(whole, whole.ann, chat)
    assert len(seen) <= 100 // service.BATCH + 3
