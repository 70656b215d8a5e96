"""Sealed secrets open only whole, in their own row, with a key that is here."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.security.vault import Vault, VaultError, key_id, mask, parse_keys
from tests import hypothesis_profiles  # noqa: F401

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
ROW = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
VAULT = Vault([NEW, OLD])


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.uuids())
def test_what_is_sealed_opens(plaintext: str, row: UUID) -> None:
    token = VAULT.seal(plaintext, row)
    assert VAULT.open(token, row) == plaintext
    assert VAULT.open(token, str(row)) == plaintext
    assert token.startswith(f"v1.{key_id(NEW)}.")
    assert not VAULT.needs_reseal(token)


def test_each_seal_differs() -> None:
    assert VAULT.seal("same", ROW) != VAULT.seal("same", ROW)


@given(st.data())
def test_a_changed_token_never_opens(data: st.DataObject) -> None:
    token = VAULT.seal("sk-secret", ROW)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != token[at]))
    with pytest.raises(VaultError):
        VAULT.open(token[:at] + other + token[at + 1 :], ROW)


@given(st.text() | st.from_regex(r"v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{0,80}", fullmatch=True))
def test_anything_else_is_a_vault_error(token: str) -> None:
    with pytest.raises(VaultError):
        VAULT.open(token, ROW)


def test_tampering_piece_by_piece() -> None:
    token = VAULT.seal("sk-secret", ROW)
    version, kid, body = token.split(".")
    raw = base64.urlsafe_b64decode(body + "==")
    wrong = [
        f"v2.{kid}.{body}",
        f"{version}.{key_id(OLD)}.{body}",
        f"{version}.{kid.upper()}.{body}",
        f"{version}.{kid}.{body}=",
        f"{version}.{kid}.{body[:-1]}",
        f"{version}.{kid}.{body}\n",
        f"{version}.{kid}.",
        f"{token}.",
        *(
            f"{version}.{kid}." + base64.urlsafe_b64encode(changed).decode().rstrip("=")
            for at in range(len(raw))
            for changed in [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], raw[:at]]
        ),
    ]
    for changed in wrong:
        with pytest.raises(VaultError):
            VAULT.open(changed, ROW)


def test_a_token_of_another_row_or_of_a_lost_key_stays_shut() -> None:
    token = VAULT.seal("sk-secret", ROW)
    with pytest.raises(VaultError, match="another row"):
        VAULT.open(token, UUID(int=1))
    with pytest.raises(VaultError, match="ENCRYPTION_KEY"):
        Vault([OLD]).open(token, ROW)


def test_rotation() -> None:
    token = Vault([OLD]).seal("sk-secret", ROW)
    assert VAULT.open(token, ROW) == "sk-secret"
    assert VAULT.needs_reseal(token)
    assert not VAULT.needs_reseal(VAULT.seal(VAULT.open(token, ROW), ROW))


def test_keys_are_parsed_newest_first() -> None:
    assert parse_keys(f" {NEW.hex()} ,{OLD.hex().upper()}") == (NEW, OLD)


@pytest.mark.parametrize(
    "text", ["", " ", ",", "abc", "g" * 64, "a" * 63, "a" * 65, "a" * 64 + ",", f"{'a' * 64},{'a' * 64}"]
)
def test_bad_keys_are_explained_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_keys(text)
    assert "key" in str(caught.value)
    assert "aaaa" not in str(caught.value)


@pytest.mark.parametrize("keys", [[], [b"short"]])
def test_a_vault_needs_whole_keys(keys: list[bytes]) -> None:
    with pytest.raises(ValueError):
        Vault(keys)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("sk-0123456789abcdefWXYZ", "sk-…WXYZ"),
        ("sk-proj-0123456789abcdefWXYZ", "sk-proj-…WXYZ"),
        ("sk-ant-0123456789abcdefWXYZ", "sk-ant-…WXYZ"),
        ("gsk_0123456789abcdefWXYZ", "gsk_…WXYZ"),
        ("plain0123456789abcdefWXYZ", "…WXYZ"),
        ("sk-short1234", "…"),
        ("short", "…"),
        ("", ""),
    ],
)
def test_mask(key: str, shown: str) -> None:
    assert mask(key) == shown


@given(st.text())
def test_mask_hides_at_least_twelve_characters(key: str) -> None:
    shown = mask(key).replace("…", "")
    assert not shown or len(key) - len(shown) >= 12
