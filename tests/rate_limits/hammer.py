"""Many hits at once on one bucket, from this process: run by the tests in several processes together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier as ProcessBarrier
from threading import Barrier

from api.db import Database
from api.rate_limits.storage import DatabaseStorage, Refused
from api.rate_limits.window import Bucket
from api.repositories.unit_of_work import Store
from tests.rate_limits.parts import HOUR, storage_over


def hammer(storage: DatabaseStorage, key: str, limit: int, hits: int) -> int:
    """How many of `hits` parallel requests are admitted, each into a wide and a narrow bucket."""
    start = Barrier(hits)

    def hit(_: int) -> bool:
        start.wait(60)
        try:
            storage.acquire([Bucket(f"wide/{key}", 10**6, HOUR), Bucket(f"narrow/{key}", limit, HOUR)])
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(hits) as threads:
        return sum(threads.map(hit, range(hits)))


def hammer_from_process(
    url: str, offset: float, limit: int, hits: int, rounds: int, together: ProcessBarrier
) -> list[int]:
    """The admitted of every round; all processes start a round together."""
    store = Store(Database(url))
    storage = storage_over(store, lambda: time.time() + offset)
    admitted = []
    for number in range(rounds):
        together.wait(60)
        admitted.append(hammer(storage, f"round-{number}", limit, hits))
    store.close()
    return admitted
