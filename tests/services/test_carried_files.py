"""Files of messages leave with the zip of all chats, and come back with it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from api.services.exports.archive import archive
from tests.extraction.made import PNG_1X1, pdf
from tests.services.test_enclosures import Desk
from tests.services.test_imports import imported
from tests.services.whole import Whole
from tests.upstream import Upstream


@pytest.fixture
def desk(whole: Whole, upstream: Upstream) -> Desk:
    return Desk(whole, upstream)


def everything(whole: Whole, who: Any) -> bytes:
    return b"".join(whole.services.exports.all(who).chunks)


def content(whole: Whole, who: Any, name: str) -> bytes:
    with whole.services.attachments.open(who, name)[1] as file:
        return file.read()


def rewritten(data: bytes, **files: bytes | None) -> bytes:
    """The zip with other bytes of the files of these ids, or without them."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            told = files.get(name.removeprefix("files/"), old.read(name))
            if told is not None:
                new.writestr(name, told)
    return out.getvalue()


def test_export_import_export_keeps_every_file(desk: Desk) -> None:
    whole, ann, ben = desk.whole, desk.ann, desk.whole.ben
    files = {desk.file("Chapter one.", "book.md"): b"Chapter one.", desk.image(b"x"): PNG_1X1 + b"x"}
    files[desk.file(pdf("Page one."), "paper.pdf")] = pdf("Page one.")
    unsent = desk.file("never sent")
    desk.send(*files, model="openai/gpt-4o")
    data = everything(whole, ann)
    assert unsent not in str(zipfile.ZipFile(io.BytesIO(data)).namelist())
    seen = imported(whole, ben, data)
    assert (seen.run.state, seen.run.added, seen.run.failed, seen.run.done) == ("complete", 1, 0, len(data))
    assert {name: content(whole, ben, name) for name in files} == files
    assert everything(whole, ben) == data
    rows = desk.rows()
    assert imported(whole, ben, data).run.unchanged == 1
    assert desk.rows() == rows
    whole.said(ben, desk.chat, "and now?", model="demo/demo")
    whole.services.chats.delete(ben, desk.chat)
    assert desk.rows() == 4, "they go with their chat"


def test_what_was_lost_comes_with_the_next_import(desk: Desk) -> None:
    whole, ben = desk.whole, desk.whole.ben
    name = desk.file("Chapter one.", "book.md")
    desk.send(name)
    data = everything(whole, desk.ann)
    assert imported(whole, ben, rewritten(data, **{name: None})).run.added == 1
    assert desk.rows() == 1
    assert imported(whole, ben, data).run.unchanged == 1
    assert desk.rows() == 2


def test_what_is_not_the_messages_file_is_refused_by_name(desk: Desk) -> None:
    whole, ben = desk.whole, desk.whole.ben
    name = desk.file("Chapter one.", "book.md")
    desk.send(name)
    data = everything(whole, desk.ann)
    for other in (b"Chapter two, longer.", b"", PNG_1X1, b"\0" * 12):
        seen = imported(whole, ben, rewritten(data, **{name: other}))
        assert (seen.run.state, seen.run.failed) == ("complete", 1)
        assert (seen.results[-1].title, seen.results[-1].source_id) == ("book.md", name)
    assert desk.rows() == 1
    stranger = b"".join(archive([], [(desk.whole.ann.user_id, io.BytesIO(b"x"))]))
    assert imported(whole, ben, stranger).run.state == "failed"
    assert desk.rows() == 1


def test_a_file_of_another_account_is_not_taken_over(desk: Desk) -> None:
    """Whoever knows its id, and tells of it in an import of his own, has his own bytes."""
    whole, ben = desk.whole, desk.whole.ben
    name = desk.file("Chapter one.", "book.md")
    desk.send(name)
    imported(whole, ben, rewritten(everything(whole, desk.ann), **{name: b"chapter ONE."}))
    assert content(whole, ben, name) == b"chapter ONE."
    assert content(whole, desk.ann, name) == b"Chapter one."
