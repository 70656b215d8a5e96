"""Names are only names, and only whole parts of a message are files."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.attachments import NAME_CHARS, Attachment, block, clean_name, ids_in, shown_in
from api.domain.ids import new_id
from tests import hypothesis_profiles  # noqa: F401


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("notes.txt", "notes.txt"),
        ("Übersicht 2026 介绍.pdf", "Übersicht 2026 介绍.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\a.docx", "a.docx"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ("a\r\nSet-Cookie: x=1.txt", "a Set-Cookie x=1.txt"),
        ('x"; filename="y.html', "x; filename=y.html"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("zero\u200bwidth\x00.txt", "zerowidth.txt"),
        ("<img src=x>", "img src=x"),
        ("   ", "file"),
        ("", "file"),
        ("x" * 500 + ".pdf", "x" * (NAME_CHARS - 4) + ".pdf"),
    ],
)
def test_names(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept


@given(st.text(max_size=400))
def test_any_name(sent: str) -> None:
    kept = clean_name(sent)
    assert 0 < len(kept) <= NAME_CHARS
    assert clean_name(kept) == kept
    assert not set(kept) & set('/\\"<>')
    assert not kept.startswith(".")
    assert all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in kept)
    kept.encode()


WHOLE = {
    "type": "attachment",
    "id": str(new_id()),
    "name": "a",
    "kind": "text",
    "mime": "text/plain",
    "size": 1,
    "chars": 1,
    "width": None,
    "height": None,
}


def test_whole_parts_are_shown() -> None:
    assert shown_in([{"type": "reasoning"}, WHOLE, "text", None]) == [{k: v for k, v in WHOLE.items() if k != "type"}]
    assert [str(one) for one in ids_in([WHOLE])] == [WHOLE["id"]]
    assert shown_in(None) == ids_in(None) == []


@pytest.mark.parametrize("name", ["id", "name", "kind", "mime", "size", "chars"])
@pytest.mark.parametrize("value", [{}, [], True, "x" * 3])
def test_others_are_not(name: str, value: Any) -> None:
    if isinstance(value, str) and name in ("name", "kind", "mime"):
        return
    assert shown_in([WHOLE | {name: value}]) == []


FILE = Attachment(
    new_id(), new_id(), None, "a'b.txt", "text", "text/plain", 1, "", "", 1, 1, None, None, dt.datetime.now(dt.UTC)
)


@given(st.text() | st.sampled_from([FILE.name, "[File ends, mark ", "0" * 32, "\n" * 5]))
def test_nothing_in_a_file_looks_like_its_end(text: str) -> None:
    mark = FILE.id.hex
    first, _, rest = block(FILE, text).partition("\n")
    inside, _, last = rest.rpartition("\n")
    assert inside == text
    assert (first.count(mark), inside.count(mark), last) == (1, 0, f"[File ends, mark {mark}.]")
