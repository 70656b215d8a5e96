"""50 parallel requests at a limit of 20 admit exactly 20: one process or four, SQLite or PostgreSQL."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

from api.rate_limits.window import Bucket
from api.repositories.unit_of_work import Store
from tests.rate_limits.hammer import hammer, hammer_from_process
from tests.rate_limits.parts import HOUR, storage_over, to_mid_window

LIMIT = 20
HITS = 50
ROUNDS = 20 if os.environ.get("PARLEY_LONG") else 3  # noqa: TID251


def test_threads_of_one_process(store: Store) -> None:
    offset = to_mid_window()
    storage = storage_over(store, lambda: time.time() + offset)
    for number in range(ROUNDS):
        assert hammer(storage, f"round-{number}", LIMIT, HITS) == LIMIT
        wide, narrow = storage.look(
            [Bucket(f"wide/round-{number}", 10**6, HOUR), Bucket(f"narrow/round-{number}", LIMIT, HOUR)]
        )
        assert (wide.hits, narrow.hits) == (LIMIT, LIMIT), "a refused request left a trace"


def test_four_processes(store: Store, database_url: str) -> None:
    offset = to_mid_window()
    shares = (13, 13, 12, 12)
    assert sum(shares) == HITS
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(len(shares), mp_context=spawn) as processes:
        together = manager.Barrier(len(shares))
        runs = [
            processes.submit(hammer_from_process, database_url, offset, LIMIT, share, ROUNDS, together)  # type: ignore[arg-type]
            for share in shares
        ]
        admitted = [run.result(timeout=240) for run in runs]
    assert [sum(round_) for round_ in zip(*admitted, strict=True)] == [LIMIT] * ROUNDS

    storage = storage_over(store, lambda: time.time() + offset)
    for number in range(ROUNDS):
        (wide,) = storage.look([Bucket(f"wide/round-{number}", 10**6, HOUR)])
        assert wide.hits == LIMIT, "a refused request left a trace"
