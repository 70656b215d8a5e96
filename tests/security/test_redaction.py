"""No spelling of a secret, and no long part of one, survives."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.security.redaction import PLACEHOLDER, redact
from tests import hypothesis_profiles  # noqa: F401

SECRET = "sk-proj-Ab+/cd==0123 üß:?&XYZ-last4"
secrets = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60)


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode(),
        base64.b64encode(b"me:" + SECRET.encode() + b":x").decode(),
        SECRET.encode().hex(),
        f"key={SECRET}".encode().hex().upper(),
        SECRET[3:15],
        SECRET[-12:],
    ],
)
def test_spellings(spelled: str) -> None:
    cleaned = redact(f"Incorrect key: {spelled}.", [SECRET])
    assert PLACEHOLDER in cleaned
    assert not any(spelled[at : at + 12] in cleaned for at in range(max(1, len(spelled) - 16)) if at > 6)
    assert cleaned.startswith("Incorrect key: ")


@given(secrets, st.text(), st.text(), st.integers(0, 40), st.integers(12, 60))
def test_no_twelve_characters_survive(secret: str, before: str, after: str, start: int, length: int) -> None:
    part = secret[start : start + length]
    cleaned = redact(before + part + after, [secret])
    for at in range(len(secret) - 11):
        assert secret[at : at + 12] not in cleaned


@given(st.text())
def test_innocent_text_is_untouched(text: str) -> None:
    assert redact(text, ["Zq7!Zq7!Zq7!Zq7!", "", "abc"]) == text


def test_a_cut_text_keeps_no_beginning_of_a_secret() -> None:
    assert redact("bad key sk-proj-Ab…", [SECRET]) == f"bad key {PLACEHOLDER}…"
    assert redact("bad key sk-proj-Ab", [SECRET]) == "bad key sk-proj-Ab"


def test_short_secrets_are_whole_words_of_their_own() -> None:
    assert redact("key pass1 refused", ["pass1"]) == f"key {PLACEHOLDER} refused"
