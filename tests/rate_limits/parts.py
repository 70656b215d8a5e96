"""A storage over a store, as `wiring` makes it, and a clock that stands in the middle of a window."""

from __future__ import annotations

import time
from collections.abc import Callable

from api.rate_limits.storage import DatabaseStorage
from api.repositories.unit_of_work import Store

HOUR = 3600
MID_WINDOW = 1_790_000_000 // HOUR * HOUR + HOUR // 2 + 20.5
"""A moment at which neither an hour nor five minutes are about to end."""


def storage_over(store: Store, clock: Callable[[], float] = time.time) -> DatabaseStorage:
    return DatabaseStorage(
        write=lambda fn: store.write(lambda unit: fn(unit.connection), durable=False),
        read=lambda fn: store.read(lambda unit: fn(unit.connection)),
        clock=clock,
    )


def to_mid_window() -> float:
    """What to add to the time so that neither an hour nor five minutes end during a test."""
    return HOUR / 2 + 20 - time.time() % HOUR


def clear_of_the_hours_end(seconds: float) -> None:
    """Where the hour ends within that time, wait for it: the clock of a server in a process of its own stays right."""
    left = HOUR - time.time() % HOUR
    if left < seconds:
        time.sleep(left + 0.1)
