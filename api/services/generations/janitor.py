"""The thread that looks after the rest: which owners died, what may be forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from api.domain.errors import StoreUnavailable
from api.services.generations.recovery import Recovery

log = structlog.get_logger()
SWEEP_SECONDS = 1.0
PRUNE_SECONDS = 60.0


class Janitor:
    """Once a second: a sweep, and what else is to be done."""

    def __init__(self, *, recovery: Recovery, housekeeping: Callable[[], None]) -> None:
        self._recovery = recovery
        self._housekeeping = housekeeping
        self._stopping = threading.Event()
        self._pruned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.wait(SWEEP_SECONDS):
            try:
                self._recovery.sweep()
                self._housekeeping()
                if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
                    self._pruned_at = time.monotonic()
                    self._recovery.forget_gone()
            except StoreUnavailable:
                continue
            except Exception:
                log.exception("housekeeping failed; it goes on")
