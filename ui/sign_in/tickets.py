"""One-time tickets: how the script, which may not set a cookie, tells the cookie route whose it shall be.

The script puts the session's handle under a ticket; the browser carries the ticket to `/auth/exchange` once.
Both run in this process, so the tickets live in its memory.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

LIFE = 30.0


class Tickets:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, tuple[float, str]] = {}

    def issue(self, handle: str) -> str:
        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._drop_old()
            self._open[ticket] = (self._clock() + LIFE, handle)
        return ticket

    def redeem(self, ticket: str) -> str | None:
        """The handle, the first time within `LIFE` seconds; None ever after."""
        with self._lock:
            self._drop_old()
            _, handle = self._open.pop(ticket, (0.0, None))
        return handle

    def _drop_old(self) -> None:
        now = self._clock()
        for ticket in [name for name, (until, _) in self._open.items() if until < now]:
            del self._open[ticket]


tickets = Tickets()
