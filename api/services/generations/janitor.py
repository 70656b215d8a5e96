"""The threads that look after the rest: what changed elsewhere, which owners died, what may be forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable

from api.services.generations.recovery import Recovery
from api.services.housekeeping import Housekeeping, Rounds

KNOWN_SECONDS = 0.8
SWEEP_SECONDS = 1.0
FORGET_SECONDS = 60.0
SELDOM_SECONDS = 300.0


class Janitor:
    """Three rounds, none of which waits for another: who prunes for long, or takes over a thousand replies, keeps
    nobody from the settings that an administrator has just changed. What is done `often` is done in
    the sweep's thread, after it: each of these tasks has to be short."""

    def __init__(self, *, recovery: Recovery, housekeeping: Callable[[], Housekeeping]) -> None:
        self._recovery = recovery
        self._housekeeping = housekeeping
        self._forgot_at = time.monotonic()
        self._rounds: tuple[Rounds, ...] = ()

    def start(self) -> None:
        tasks = self._housekeeping()
        self._rounds = (
            Rounds("settings", KNOWN_SECONDS, tasks.known),
            Rounds("janitor", SWEEP_SECONDS, (self._recovery.sweep, *tasks.often, self._forget)),
            Rounds("pruner", SELDOM_SECONDS, tasks.seldom),
        )
        for one in self._rounds:
            one.start()

    def stop(self) -> None:
        for one in self._rounds:
            one.stop()

    def _forget(self) -> None:
        if time.monotonic() - self._forgot_at > FORGET_SECONDS:
            self._forgot_at = time.monotonic()
            self._recovery.forget_gone()
