"""Titles and message texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.chats import NEW_CHAT, TITLE_CHARS, checked_content, title_from
from api.domain.errors import Invalid
from tests import hypothesis_profiles  # noqa: F401


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello", "Hello"),
        (" a\n\tb  c ", "a b c"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 60 + "…"),
        ("word " * 12, ("word " * 12).strip()),
        ("word " * 13, ("word " * 12).strip() + "…"),
        ("a " + "x" * 100, ("a " + "x" * 58) + "…"),
        ("this sentence, which is long enough, ends with commas here,,, and goes on", None),
        ("介绍一下" * 20, ("介绍一下" * 15) + "…"),
        (" \n ", NEW_CHAT),
    ],
)
def test_title(text: str, title: str | None) -> None:
    if title is not None:
        assert title_from(text) == title
    assert not title_from(text).endswith((",…", " …"))


@given(st.text())
def test_titles_are_short_single_lines(text: str) -> None:
    title = title_from(text)
    assert 1 <= len(title) <= TITLE_CHARS + 1
    assert title == " ".join(title.split())
    assert title == NEW_CHAT or " ".join(text.split()).startswith(title.removesuffix("…"))


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000", "a\0b", "\ud800", "x" * 11])
def test_contents_that_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        checked_content(text, 10)


@pytest.mark.parametrize("text", ["a", " a ", "x" * 10, "🦀" * 10, "\x07", "a\u2028", "<b>"])
def test_contents_are_kept_as_typed(text: str) -> None:
    assert checked_content(text, 10) is text
