from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.security.tokens import API_KEY, HANDLE, Tokens, is_well_formed, same

TOKENS = Tokens("p" * 64)


@pytest.mark.parametrize(("kind", "other"), [(API_KEY, HANDLE), (HANDLE, API_KEY)])
def test_a_secret_has_its_documented_form(kind: str, other: str) -> None:
    minted = TOKENS.mint(kind)
    assert re.fullmatch(kind + r"_[0-9a-f]{12}_[A-Za-z0-9_-]{43}[0-9a-f]{8}", minted.text)
    assert is_well_formed(minted.text, kind)
    assert not is_well_formed(minted.text, other)
    assert minted.text.startswith(minted.prefix + "_")
    assert minted.text.endswith(minted.last4)
    assert minted.text not in repr(minted)
    assert minted.digest == TOKENS.digest(minted.text)


def test_secrets_never_repeat() -> None:
    assert len({TOKENS.mint(API_KEY).text for _ in range(1000)}) == 1000


def test_the_digest_needs_the_pepper() -> None:
    text = TOKENS.mint(API_KEY).text
    assert re.fullmatch(r"[0-9a-f]{64}", TOKENS.digest(text))
    assert Tokens("q" * 64).digest(text) != TOKENS.digest(text)


@given(position=st.integers(0, 70), char=st.characters())
@settings(max_examples=200, deadline=None)
def test_any_one_wrong_character_is_noticed(position: int, char: str) -> None:
    text = TOKENS.mint(API_KEY).text
    changed = text[:position] + char + text[position + 1 :]
    assert is_well_formed(changed, API_KEY) == (changed == text)


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    assert not is_well_formed(text, API_KEY)
    assert TOKENS.digest(text)


@pytest.mark.parametrize(
    ("given_", "expected", "equal"), [("a", "a", True), ("a", "b", False), ("", "", False), ("é", "e", False)]
)
def test_comparing(given_: str, expected: str, equal: bool) -> None:
    assert same(given_, expected) is equal
