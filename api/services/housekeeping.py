"""What every process does beside its requests: what changed elsewhere is read each second, what is old goes later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from api.domain.errors import StoreUnavailable

log = structlog.get_logger()
Task = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """`known` is what others may have changed, due within a second. `often` is for each second, and
    short: the same thread takes over the replies of dead processes. `seldom`, for every five minutes, may take long."""

    known: Sequence[Task] = ()
    often: Sequence[Task] = ()
    seldom: Sequence[Task] = ()


class Rounds:
    """A thread that does all its tasks every so many seconds. A task that fails keeps no other from its turn."""

    def __init__(self, name: str, seconds: float, tasks: Sequence[Task]) -> None:
        self._name = name
        self._seconds = seconds
        self._tasks = tasks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            for task in self._tasks:
                try:
                    task()
                except StoreUnavailable:
                    break  # nor can the others
                except Exception:
                    log.exception("housekeeping failed; it goes on", round=self._name)
