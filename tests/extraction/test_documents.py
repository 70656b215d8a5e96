"""Documents are read in a child that cannot harm anybody, and every failure has its word."""

from __future__ import annotations

import io
import os
import random
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.errors import FileRefused, Overloaded
from api.extraction import docx as word
from api.extraction import pdf as portable
from api.extraction.documents import DocumentReader, Limits
from api.extraction.reasons import WORDS, Unreadable
from tests import hypothesis_profiles  # noqa: F401
from tests.extraction.made import WORD, archive, docx, lying_zip_bomb, paragraph, pdf, zip_bomb

MOST = 10_000
READER = DocumentReader(limits=Limits(cpu=10, wall=60))
LAUGHS = (
    '<!DOCTYPE w [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@contextmanager
def opened(data: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def text(kind: str, data: bytes, reader: DocumentReader = READER, most: int = MOST) -> str:
    with opened(data) as file:
        return reader.text(kind, file, most)


def reason(kind: str, data: bytes, reader: DocumentReader = READER, most: int = MOST) -> str:
    with pytest.raises(FileRefused) as caught:
        text(kind, data, reader, most)
    return str(caught.value.extra["reason"])


def test_a_pdf() -> None:
    assert text("pdf", pdf("First page.", "Second page.")) == "First page.\n\nSecond page."


def test_a_pdf_that_only_forbids_printing() -> None:
    assert text("pdf", pdf("Readable.", password="", owner="secret")) == "Readable."


def test_a_docx() -> None:
    body = paragraph("Grüße 介绍 &amp; &lt;system&gt;") + (
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        "<w:p><w:r><w:delText>deleted</w:delText><w:instrText>PAGE</w:instrText><w:t>kept</w:t><w:br/></w:r></w:p>"
        '<mc:AlternateContent xmlns:mc="urn:mc"><mc:Choice><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Choice>'
        "<mc:Fallback><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>"
    )
    notes = f'<w:footnotes xmlns:w="{WORD}">{paragraph("a note")}</w:footnotes>'.encode()
    found = text("docx", docx(body, **{"word__footnotes.xml": notes}))
    assert found == "Grüße 介绍 & <system>\na\tb\nkept\n\nonce\na note"


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("pdf", pdf("x", password="secret"), "encrypted"),
        ("pdf", pdf(""), "no_text"),
        ("pdf", pdf("y" * 50, "z" * (MOST - 40)), "too_long"),
        ("pdf", pdf("x")[:200], "damaged"),
        ("pdf", b"%PDF-1.7\n" + b"<" * 100_000, "damaged"),
        ("docx", docx(""), "no_text"),
        ("docx", docx(paragraph("x" * (MOST + 1))), "too_long"),
        ("docx", docx(paragraph("x"))[:-30], "damaged"),
        ("docx", docx("<w:p>"), "damaged"),
        ("docx", archive({"xl/workbook.xml": b"<x/>"}), "wrong_extension"),
        ("docx", docx(paragraph("&i;"), head=LAUGHS), "unsafe"),
        ("docx", docx(paragraph("&x;"), head='<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "unsafe"),
        ("docx", docx(paragraph("x"), head='<!DOCTYPE w SYSTEM "http://127.0.0.1/x.dtd">'), "unsafe"),
        ("docx", zip_bomb(word.MAX_UNPACKED + 1), "too_heavy"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused(kind: str, data: bytes, why: str) -> None:
    assert reason(kind, data) == why


def test_a_zip_that_lies_about_its_size() -> None:
    """Not a byte more is unpacked than it says, and then nothing fits together."""
    assert reason("docx", lying_zip_bomb(word.MAX_UNPACKED * 2)) in ("damaged", "too_heavy")


def test_an_archive_with_a_password() -> None:
    data = bytearray(docx(paragraph("x")))
    at = data.index(b"PK\x01\x02")
    data[6] |= 1  # the local header's flags, then the directory's
    data[at + 8] |= 1
    assert reason("docx", bytes(data)) == "encrypted"


def test_an_archive_of_too_many_members() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(word.MAX_MEMBERS + 1):
            file.writestr(str(number), b"")
    assert reason("docx", out.getvalue()) == "too_heavy"


def test_deep_nesting_is_no_crash() -> None:
    data = docx("<w:p>" * 200_000 + "<w:r><w:t>deep</w:t></w:r>" + "</w:p>" * 200_000)
    assert text("docx", data, most=300_000) == "deep"


def test_too_much_memory_ends_the_child_only() -> None:
    small = DocumentReader(limits=Limits(memory=64 * 1024 * 1024))
    assert reason("docx", docx(paragraph("x" * 1000) * 40_000), small, most=10**8) == "too_heavy"
    assert text("pdf", pdf("x")) == "x"


def test_too_much_time_ends_the_child() -> None:
    endless = pdf(") Tj " + "(x) Tj " * 400_000 + "(")
    assert reason("pdf", endless, DocumentReader(limits=Limits(cpu=1)), most=10**7) == "too_heavy"
    assert reason("pdf", endless, DocumentReader(limits=Limits(wall=0.5)), most=10**7) == "too_heavy"


def test_children_wait_for_each_other() -> None:
    reader = DocumentReader(at_once=1, limits=Limits(wall=0.2))
    assert reader._free.acquire()
    with pytest.raises(Overloaded):
        text("pdf", pdf("x"), reader)
    reader._free.release()
    found: list[str] = []
    patient = DocumentReader(at_once=1)
    threads = [threading.Thread(target=lambda: found.append(text("pdf", pdf("x"), patient))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["x"] * 3


def test_the_child_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No environment, no open file, no place to write; and limits that it cannot lift."""
    from api.extraction import documents

    probe = (
        "import os, sys, resource; sys.path.insert(0, sys.argv.pop(1)); from api.extraction import child; "
        "child._limit(int(sys.argv[3]), int(sys.argv[4])); "
        "fds = [n for n in os.listdir('/proc/self/fd') if int(n) > 2 and os.path.exists(f'/proc/self/fd/{n}')]; "
        "found = [sorted(set(os.environ) - {'LC_CTYPE'}), fds, resource.getrlimit(resource.RLIMIT_FSIZE), "
        "resource.getrlimit(resource.RLIMIT_AS)[1]]; "
        "sys.stdout.write('ok\\n' + repr(found))"
    )
    monkeypatch.setattr(documents, "BOOT", probe)
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        assert text("pdf", b"x") == repr([[], [], (0, 0), Limits().memory])


def test_a_child_that_says_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from api.extraction import documents

    monkeypatch.setattr(documents, "BOOT", "import sys\nwhile True: sys.stdout.write('ok\\n' + 'x' * 65536)")
    assert reason("pdf", b"x") == "too_heavy"


@pytest.mark.parametrize("made", [pdf("Some words.", "Others."), docx(paragraph("words") * 20)], ids=["pdf", "docx"])
@given(data=st.data())
def test_damaged_anywhere(made: bytes, data: st.DataObject) -> None:
    """In this process, for speed: any exception is caught by the child, but nothing may hang or grow."""
    seed = data.draw(st.integers(0, 2**32))
    chance = random.Random(seed)
    spoilt = bytearray(made)
    for _ in range(chance.randint(1, 20)):
        at = chance.randrange(len(spoilt))
        spoilt[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    read = portable.text_of if made.startswith(b"%PDF") else word.text_of
    try:
        assert len(read(io.BytesIO(spoilt), MOST)) <= MOST
    except MemoryError:
        raise
    except Exception as error:
        why = getattr(error, "reason", None)
        assert why in WORDS or not isinstance(error, Unreadable)  # noqa: PT017


@pytest.mark.parametrize("kind", ["pdf", "docx"])
def test_random_bytes(kind: str) -> None:
    chance = random.Random(kind)
    for size in (1, 100, 100_000):
        head = b"%PDF-1.7\n" if kind == "pdf" else b"PK\x03\x04"
        assert reason(kind, head + chance.randbytes(size)) in WORDS
