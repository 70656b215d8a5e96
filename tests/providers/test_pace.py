"""Reads rest when the loop is busy, and only then; whoever rests is always woken."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.hypothesis_profiles  # noqa: F401
from api.providers import pace
from api.providers.pace import BUSY, EASY, LONGEST, LONGEST_WHEN_FULL, Pace, rest_after

LOOKS = st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=30)


@given(LOOKS)
def test_a_rest_is_short_and_ends_when_the_loop_has_time(looks: list[tuple[float, bool]]) -> None:
    seconds = 0.0
    for share, full in looks:
        before, seconds = seconds, rest_after(seconds, share, full)
        assert 0 <= seconds <= (LONGEST_WHEN_FULL if full else LONGEST)
        if share < EASY:
            assert seconds <= before
    for _ in range(10):
        seconds = rest_after(seconds, EASY / 2, False)
    assert seconds == 0


def test_a_loop_with_time_never_rests() -> None:
    assert rest_after(0, BUSY, False) == 0
    assert rest_after(0, BUSY + 0.01, False) > 0
    assert rest_after(0, EASY + 0.01, True) > 0


class Reader:
    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.count = 0

    def wake(self) -> None:
        self.count += 1
        self.woken.set()


def test_each_is_woken_once() -> None:
    async def scenario() -> None:
        resting, readers = Pace(), [Reader() for _ in range(3)]
        for reader in readers:
            resting.seconds = 0.02
            resting.rest(reader)
            await asyncio.sleep(0.006)
        await asyncio.wait_for(readers[2].woken.wait(), 10)
        assert [reader.count for reader in readers] == [1, 1, 1]
        resting.close()
        assert [reader.count for reader in readers] == [1, 1, 1]

    asyncio.run(scenario())


def test_its_end_wakes_all() -> None:
    async def scenario() -> None:
        resting, readers = Pace(), [Reader(), Reader()]
        resting.seconds = 100.0
        for reader in readers:
            resting.rest(reader)
        resting.close()
        assert [reader.count for reader in readers] == [1, 1]
        assert resting.seconds == 0

    asyncio.run(scenario())


def test_it_begins_by_itself_when_the_loop_is_busy_and_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = 0.0
    monkeypatch.setattr(pace.time, "thread_time", lambda: spent)

    async def scenario() -> None:
        nonlocal spent
        resting = Pace()
        async with asyncio.timeout(20):
            while not resting.seconds:
                spent += 0.05
                await asyncio.sleep(0.01)
            while resting.seconds:
                await asyncio.sleep(0.01)
        resting.close()

    asyncio.run(scenario())
