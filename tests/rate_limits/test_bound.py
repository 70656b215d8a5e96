"""What a sliding window promises, whatever comes when: at most the limit in each hour of the clock, and never more than
twice the limit in any hour at all. (Twice is reached: all of one hour in its last moment, all of the next in its.)"""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.rate_limits.storage import DatabaseStorage, Refused
from api.rate_limits.window import Bucket
from api.repositories.unit_of_work import Store
from tests.rate_limits.parts import storage_over

WINDOW = 100
START = 1_790_000_000.0 // WINDOW * WINDOW
KEYS = itertools.count()

PAUSES = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([0.0, 0.001, 49.9, 99.0, 99.999, 100.0]), st.floats(0, 150)), st.integers(1, 6)
    ),
    max_size=25,
)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def admitted(storage: DatabaseStorage, clock: Clock, limit: int, pauses: list[tuple[float, int]]) -> list[float]:
    """The moments at which a request was let through; at each, several try."""
    key, moments = f"bound/{next(KEYS)}", []
    clock.now = START
    for pause, tries in pauses:
        clock.now += pause
        for _ in range(tries):
            try:
                storage.acquire([Bucket(key, limit, WINDOW)])
            except Refused:
                continue
            moments.append(clock.now)
    return moments


@given(limit=st.integers(1, 7), pauses=PAUSES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_window_admits_more(store: Store, limit: int, pauses: list[tuple[float, int]]) -> None:
    clock = Clock()
    moments = admitted(storage_over(store, clock), clock, limit, pauses)
    assert max(Counter(moment // WINDOW for moment in moments).values(), default=0) <= limit
    for start in moments:
        inside = [moment for moment in moments if start <= moment < start + WINDOW]
        assert len(inside) <= 2 * limit, (limit, inside)


def test_the_bound_is_met(store: Store) -> None:
    clock = Clock()
    moments = admitted(storage_over(store, clock), clock, 5, [(99.999, 9), (99.99, 9)])
    assert len(moments) == 10
    assert moments[-1] - moments[0] < WINDOW


@pytest.mark.parametrize("every", [1.0, 7.3, 19.9])
def test_whoever_comes_evenly_gets_the_limit_and_no_more(store: Store, every: float) -> None:
    clock = Clock()
    moments = admitted(storage_over(store, clock), clock, 5, [(every, 1)] * int(600 / every))
    for start in moments:
        assert len([moment for moment in moments if start <= moment < start + WINDOW]) <= 6
    assert len(moments) >= 25
