"""Secrets at rest: AES-256-GCM, bound to the row they belong to, with keys that can be rotated.

A token is `v1.<key id>.<base64url of nonce, ciphertext and tag>`. The key id is the first 8 hex digits of the
key's SHA-256. Version, key id and row id are authenticated: a token moved to another row does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = "v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_SHOWN_END: Final = 4
_HIDDEN_AT_LEAST: Final = 12
_PREFIX: Final = re.compile(r"sk-(?:ant-|proj-|or-)?|gsk_|hf_|AIza|xai-|xox[bp]-|ghp_")


class VaultError(Exception):
    """The token cannot be read: altered, of another row, or sealed with a key that is not here."""


class Vault:
    """`keys` newest first: the first seals, all open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("the vault needs at least one key")
        if any(len(key) != _KEY_BYTES for key in keys):
            raise ValueError(f"each key must have {_KEY_BYTES} bytes")
        self._boxes = {key_id(key): AESGCM(key) for key in keys}
        self.newest: Final = key_id(keys[0])

    def has(self, kid: str) -> bool:
        """Whether the key of that id is among the keys."""
        return kid in self._boxes

    def seal(self, plaintext: str, row_id: UUID | str) -> str:
        """A token that only `open` with the same row id reads."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._boxes[self.newest].encrypt(nonce, plaintext.encode(), _bound_to(self.newest, row_id))
        body = base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")
        return f"{_VERSION}.{self.newest}.{body}"

    def open(self, token: str, row_id: UUID | str) -> str:
        """What was sealed. Raises VaultError for anything unreadable, never saying more than that."""
        kid, body = _parse(token)
        box = self._boxes.get(kid)
        if box is None:
            raise VaultError(f"sealed with key {kid}, which is not among the keys of ENCRYPTION_KEY")
        try:
            return box.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _bound_to(kid, row_id)).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise VaultError("altered, or sealed for another row") from None

    def needs_reseal(self, token: str) -> bool:
        """True where an older key sealed it. Raises VaultError for what is no token."""
        return _parse(token)[0] != self.newest


def key_id(key: bytes) -> str:
    """The name under which tokens refer to a key; it reveals nothing about it."""
    return hashlib.sha256(key).hexdigest()[:8]


def sealed_with(token: str) -> str | None:
    """The id of the key that sealed it; None for what is no token."""
    try:
        return _parse(token)[0]
    except VaultError:
        return None


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Keys from `ENCRYPTION_KEY`: 64 hex digits each, split by commas, newest first. Raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    if not any(parts):
        raise ValueError("no encryption key: set 64 hex digits, for example from `openssl rand -hex 32`")
    for place, part in enumerate(parts, 1):
        if not re.fullmatch(r"[0-9a-fA-F]{64}", part):
            raise ValueError(f"encryption key {place} of {len(parts)} must be exactly 64 hex digits")
    keys = tuple(bytes.fromhex(part) for part in parts)
    if len(set(map(key_id, keys))) != len(keys):
        raise ValueError("an encryption key is listed twice")
    return keys


def mask(key: str) -> str:
    """How a key is shown: a well-known prefix and the last four characters; a short key shows nothing."""
    prefix = _PREFIX.match(key)
    shown = prefix[0] if prefix else ""
    if len(key) - len(shown) - _SHOWN_END < _HIDDEN_AT_LEAST:
        return "…" if key else ""
    return f"{shown}…{key[-_SHOWN_END:]}"


def _bound_to(kid: str, row_id: UUID | str) -> bytes:
    return f"{_VERSION}|{kid}|{row_id}".encode()


def _parse(token: str) -> tuple[str, bytes]:
    """Key id and body. Only the one canonical spelling of a body is read."""
    parts = token.split(".")
    if len(parts) != 3 or parts[0] != _VERSION or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
        raise VaultError("not a token of this vault")
    try:
        body = base64.b64decode(parts[2] + "=" * (-len(parts[2]) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise VaultError("not a token of this vault") from None
    if len(body) < _NONCE_BYTES + _TAG_BYTES or base64.urlsafe_b64encode(body).decode().rstrip("=") != parts[2]:
        raise VaultError("not a token of this vault")
    return parts[1], body
