"""What every process does beside its requests: what it knows is read anew each second, what is old goes later."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

SELDOM_SECONDS: Final = 300.0
Task = Callable[[], object]


class Housekeeping:
    """Called once a second: does what is to be done each time and, every five minutes, the rest as well."""

    def __init__(self, often: Sequence[Task], seldom: Sequence[Task]) -> None:
        self._often = often
        self._seldom = seldom
        self._done_at = time.monotonic()

    def __call__(self) -> None:
        for task in self._often:
            task()
        if time.monotonic() - self._done_at > SELDOM_SECONDS:
            self._done_at = time.monotonic()
            for task in self._seldom:
                task()
