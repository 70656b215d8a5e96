"""Secrets that we hand out once and keep as an HMAC: API keys and the page's session handles.

    parley_<12 hex: id>_<43 characters: 32 random bytes><8 hex: CRC-32 of all before>

The checksum lets a typo be refused without a query, and secret scanners be sure of a find.
"""

from __future__ import annotations

import hmac
import re
import secrets
import zlib
from dataclasses import dataclass, field

API_KEY = "parley"
HANDLE = "parley_page"
SHAPE = re.compile(r"_[0-9a-f]{12}_[A-Za-z0-9_-]{43}[0-9a-f]{8}")  # after the kind


@dataclass(frozen=True, slots=True)
class Minted:
    """A new secret: `text` is shown once, the rest may be stored."""

    text: str = field(repr=False)
    prefix: str
    last4: str
    digest: str


class Tokens:
    """Makes and recognises secrets, with the pepper that only this server has."""

    def __init__(self, pepper: str) -> None:
        self._pepper = pepper.encode()

    def mint(self, kind: str) -> Minted:
        """A new secret of `kind` (API_KEY or HANDLE)."""
        prefix = f"{kind}_{secrets.token_hex(6)}"
        body = f"{prefix}_{secrets.token_urlsafe(32)}"
        text = body + _checksum(body)
        return Minted(text, prefix, text[-4:], self.digest(text))

    def digest(self, text: str) -> str:
        """What is stored and looked up: HMAC-SHA256 of the whole text, in hex."""
        return hmac.digest(self._pepper, text.encode("utf-8", "replace"), "sha256").hex()


def is_well_formed(text: str, kind: str) -> bool:
    """Whether `text` may be a secret of `kind`: the right shape and checksum."""
    shaped = text.startswith(kind) and SHAPE.fullmatch(text, len(kind)) is not None
    return shaped and text[-8:] == _checksum(text[:-8])


def same(given: str, expected: str) -> bool:
    """Compare in constant time; an empty expectation is never met."""
    return bool(expected) and hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
