"""Whose page is this run? Compares the cookie the browser brought with the session this tab is in.

The cookie a script sees is the one of the WebSocket's handshake: after a sign-in in this tab it is still the old
one, after a reconnect it is the newest, while Streamlit keeps the tab's state. So a tab may go on with its own
session only while the cookie is the one it has seen all along, or names that very session.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["keep", "adopt", "anonymous"]


@dataclass(frozen=True)
class Decision:
    """`clear` says that the state of this tab belongs to somebody else and must go first."""

    verdict: Verdict
    clear: bool = False


def digest(cookie: str | None) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest() if cookie else ""


def decide(cookie: str, seen: str | None, mine: str) -> Decision:
    """Digests of the cookie now, of the cookie at the last run (None: first run), and of this tab's session."""
    if mine and cookie in {mine, seen}:
        return Decision("keep")
    changed = seen is not None and cookie != seen
    return Decision("adopt" if cookie else "anonymous", clear=bool(mine) or changed)
