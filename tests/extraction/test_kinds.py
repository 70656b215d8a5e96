"""What a file is: its name and its bytes must agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.errors import FileRefused
from api.extraction.kinds import HEAD_BYTES, kind_of
from api.extraction.reasons import WORDS
from api.extraction.texts import decoded
from tests import hypothesis_profiles  # noqa: F401
from tests.extraction.made import JPEG_HEAD, PNG_1X1, docx, paragraph, pdf

PDF, DOCX = pdf("x"), docx(paragraph("x"))
GIF, WEBP = b"GIF89a\1\0\1\0", b"RIFF\x1a\0\0\0WEBPVP8L"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.pdf", PDF, "pdf"),
        ("A.PDF", b"\xef\xbb\xbf\r\n" + PDF, "pdf"),
        ("a.docx", DOCX, "docx"),
        ("a.png", PNG_1X1, "image"),
        ("a.jpg", JPEG_HEAD, "image"),
        ("a.jpeg", JPEG_HEAD, "image"),
        ("a.gif", GIF, "image"),
        ("a.webp", WEBP, "image"),
        ("a.txt", b"text", "text"),
        ("main.rs", b"fn main() {}", "text"),
        ("page.html", b"<!doctype html><script>1</script>", "text"),
        ("logo.svg", b"<svg onload='alert(1)'/>", "text"),
        ("Makefile", b"all:", "text"),
        ("no.such.kind", b"x", "text"),
        ("wide.txt", "x".encode("utf-16"), "text"),
    ],
)
def test_taken(name: str, data: bytes, kind: str) -> None:
    assert kind_of(name, data[:HEAD_BYTES]).name == kind


def test_what_can_act_in_a_browser_is_only_text() -> None:
    assert kind_of("logo.svg", b"<svg/>").mime == kind_of("a.html", b"<html>").mime == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.png", b"", "empty"),
        ("a.pdf", b"hello", "wrong_extension"),
        ("a.pdf", PNG_1X1, "wrong_extension"),
        ("a.docx", PDF, "wrong_extension"),
        ("a.png", JPEG_HEAD, "wrong_extension"),
        ("a.jpg", b"<svg/>", "wrong_extension"),
        ("a.txt", PDF, "wrong_extension"),
        ("a.txt", PNG_1X1, "wrong_extension"),
        ("picture", PNG_1X1, "wrong_extension"),
        ("a.docx", OLE, "encrypted"),
        ("a.doc", OLE, "not_taken"),
        ("a.xlsx", DOCX, "not_taken"),
        ("a.zip", DOCX, "not_taken"),
        ("a.txt", DOCX, "not_taken"),
    ],
)
def test_refused(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(FileRefused) as caught:
        kind_of(name, data[:HEAD_BYTES])
    assert caught.value.extra["reason"] == reason
    assert caught.value.detail[-1] == "."


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("ümlaut 介绍 🦀\r\nend".encode(), "ümlaut 介绍 🦀\r\nend"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("wide 介绍".encode("utf-16"), "wide 介绍"),
        (b"\xfe\xff" + "big".encode("utf-16-be"), "big"),
    ],
)
def test_text(data: bytes, text: str) -> None:
    assert decoded(data, 100) == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"caf\xe9", "not_text"),
        (b"\xed\xa0\x80", "not_text"),  # half of a surrogate pair
        (b"one\0two", "not_text"),
        (b"\xff\xfe\x00\xd8", "not_text"),
        ("wide".encode("utf-32"), "not_text"),
        (b"\xff\xfex", "not_text"),
        (b" \n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"x" * 101, "too_long"),
    ],
)
def test_what_is_no_text(data: bytes, reason: str) -> None:
    with pytest.raises(FileRefused) as caught:
        decoded(data, 100)
    assert caught.value.extra["reason"] == reason


@given(st.text("abc.", max_size=8), st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(name: str, data: bytes) -> None:
    try:
        if kind_of(name, data).name == "text":
            text = decoded(data, 150)
            text.encode()
            assert "\0" not in text
            assert 0 < len(text) <= 150
    except FileRefused as refusal:
        assert refusal.extra["reason"] in WORDS  # noqa: PT017
