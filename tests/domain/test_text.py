"""The one rule for text: unchanged, but for what cannot be stored, however it is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.domain.text import TextCleaner, clean_text
from tests import hypothesis_profiles  # noqa: F401

anything = st.text(alphabet=st.characters(exclude_categories=[]))
units = st.text(alphabet=st.sampled_from("a\0\ud83d\ude00\udbff\udc00é🦀\ufeff\ufffe\ufffd"))


def by_the_book(text: str) -> str:
    """The rule written another way."""
    pairs = re.sub(
        r"[\ud800-\udbff][\udc00-\udfff]",
        lambda m: chr(0x10000 + ((ord(m[0][0]) - 0xD800) << 10) + ord(m[0][1]) - 0xDC00),
        text,
    )
    return re.sub(r"[\ud800-\udfff\0]", "\ufffd", pairs)


@given(anything | units)
@example("\ud83d\ude00")
@example("\ud83d\ud83d\ude00")
def test_the_rule(text: str) -> None:
    assert clean_text(text) == by_the_book(text)


@given(st.lists(anything | units))
def test_pieces_make_the_same_text(pieces: list[str]) -> None:
    cleaner = TextCleaner()
    out = [cleaner.clean(piece) for piece in pieces]
    assert "".join(out) + cleaner.flush() == by_the_book("".join(pieces))
    for piece in out:
        piece.encode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_ordinary_text_is_passed_on_as_the_same_object(text: str) -> None:
    assert TextCleaner().clean(text) is text


def test_flush_is_final() -> None:
    cleaner = TextCleaner()
    assert cleaner.clean("a\ud83d") == "a"
    assert cleaner.flush() == "\ufffd"
    assert cleaner.flush() == ""


@pytest.mark.parametrize("text", ["\u202e", "\u200b", "\r\n", "\x1b[0m", "\ufeffx", "e\u0301"])
def test_what_looks_odd_is_not_touched(text: str) -> None:
    assert clean_text(text) == text
