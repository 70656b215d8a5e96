"""The storage against the one that `limits` brings, and what only ours promises."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
import time_machine
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter

from api.db import Database
from api.domain.errors import StoreUnavailable
from api.rate_limits.storage import DatabaseStorage, Refused
from api.rate_limits.window import Bucket
from api.repositories.unit_of_work import Store
from tests.rate_limits.parts import storage_over

START = 1_790_000_000.25


@pytest.fixture
def storage(store: Store) -> DatabaseStorage:
    return storage_over(store)


@pytest.mark.parametrize("strategy", [SlidingWindowCounterRateLimiter, FixedWindowRateLimiter])
def test_decides_as_the_memory_storage(
    storage: DatabaseStorage, strategy: type[SlidingWindowCounterRateLimiter | FixedWindowRateLimiter]
) -> None:
    chance = random.Random(20)
    ours, theirs = strategy(storage), strategy(MemoryStorage())
    items = (RateLimitItemPerMinute(7), RateLimitItemPerMinute(30, 5))
    refused = differences = 0
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(1000):
            clock.shift(chance.choice((0.0, 0.1, 1.7, 9.3, 41.0)) * chance.random())
            item, who, cost = chance.choice(items), chance.choice("ab"), chance.choice((1, 1, 1, 2, 8))
            admitted = ours.hit(item, who, cost=cost)
            refused += not admitted
            differences += admitted != theirs.hit(item, who, cost=cost)
            differences += ours.get_window_stats(item, who) != theirs.get_window_stats(item, who)
    assert differences == 0
    assert 100 < refused < 900


def test_a_refused_hit_consumes_nothing_anywhere(storage: DatabaseStorage) -> None:
    wide, narrow = Bucket("wide", 100, 3600), Bucket("narrow", 2, 3600)
    with time_machine.travel(START, tick=False):
        for expected in (1, 2):
            assert [count.hits for count in storage.acquire([wide, narrow])] == [expected, expected]
        for buckets in ([wide, narrow], [narrow, wide]):
            with pytest.raises(Refused) as refusal:
                storage.acquire(buckets)
            assert refusal.value.full == narrow
            assert {count.bucket: count.hits for count in refusal.value.counts} == {wide: 2, narrow: 2}
        assert [count.hits for count in storage.look([wide, narrow])] == [2, 2]


def test_more_than_the_limit_at_once_is_refused(storage: DatabaseStorage) -> None:
    with pytest.raises(Refused):
        storage.acquire([Bucket("key", 3, 60)], amount=4)
    assert storage.look([Bucket("key", 3, 60)])[0].hits == 0


def test_a_refused_one_fits_when_it_was_told_to_come_back(storage: DatabaseStorage) -> None:
    bucket = Bucket("key", 5, 300)
    with time_machine.travel(START, tick=False) as clock:
        with pytest.raises(Refused) as refusal:
            for _ in range(20):
                clock.shift(20)
                storage.acquire([bucket])
        wait = refusal.value.counts[0].seconds_until()
        assert 0 < wait < 600
        clock.shift(wait - 0.01)
        with pytest.raises(Refused):
            storage.acquire([bucket])
        clock.shift(0.02)
        storage.acquire([bucket])


def test_purge_removes_what_counts_no_more(storage: DatabaseStorage) -> None:
    with time_machine.travel(START, tick=False) as clock:
        storage.acquire([Bucket("old", 5, 60)])
        clock.shift(59)
        assert storage.purge() == 0, "the window before still weighs"
        clock.shift(62)
        storage.acquire([Bucket("new", 5, 60)])
        assert storage.purge() == 1
        assert storage.look([Bucket("new", 5, 60)])[0].hits == 1


def test_limits_finds_it_by_its_scheme(storage: DatabaseStorage) -> None:
    found = storage_from_string("parley://", write=storage.write, read=storage.read)  # type: ignore[arg-type]
    assert isinstance(found, DatabaseStorage)
    assert found.check()


def test_long_keys_stay_apart(storage: DatabaseStorage) -> None:
    first, second = Bucket("x" * 400 + "1", 5, 3600), Bucket("x" * 400 + "2", 5, 3600)
    storage.acquire([first])
    assert [count.hits for count in storage.look([first, second])] == [1, 0]


def test_clear_and_reset(storage: DatabaseStorage) -> None:
    item = RateLimitItemPerMinute(3, 60)
    strategy = SlidingWindowCounterRateLimiter(storage)
    assert strategy.hit(item, "a")
    strategy.clear(item, "a")
    assert strategy.get_window_stats(item, "a").remaining == 3
    assert storage.incr("plain", 60) == 1
    assert storage.incr("plain", 60) == 2
    storage.clear("plain")
    assert storage.get("plain") == 0
    assert strategy.hit(item, "b")
    assert storage.reset() == 1


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql+psycopg2://x@127.0.0.1:1/x"])
def test_no_database_is_an_error_and_no_permission(url: str) -> None:
    store = Store(Database(url))
    storage = storage_over(store)
    with pytest.raises(StoreUnavailable):
        storage.acquire([Bucket("key", 5, 60)])
    assert not storage.check()
    store.close()


def test_a_missing_table_is_an_error_and_no_permission(tmp_path: Path) -> None:
    store = Store(Database(f"sqlite:///{tmp_path / 'empty.db'}"))
    with pytest.raises(StoreUnavailable):
        storage_over(store).acquire([Bucket("key", 5, 60)])
    store.close()


def test_two_buckets_in_one_order_do_not_deadlock(storage: DatabaseStorage) -> None:
    mine, shared = [Bucket(f"mine/{n}", 10**6, 3600) for n in range(4)], Bucket("shared", 10**6, 3600)
    failures: list[BaseException] = []

    def hit(own: Bucket) -> None:
        try:
            for _ in range(25):
                storage.acquire([own, shared])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=hit, args=(own,)) for own in mine * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert storage.look([shared])[0].hits == 200
