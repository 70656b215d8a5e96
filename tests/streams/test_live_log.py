"""Numbered events: any reader, from anywhere, gets each once and in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import tests.hypothesis_profiles  # noqa: F401
from api.streams.live_log import Cursor, LiveLog

pieces = st.lists(st.lists(st.tuples(st.just("delta"), st.text(max_size=3)), max_size=5), max_size=8)
END = ("finished", {})


@given(pieces, st.integers(0, 12), st.integers(1, 4))
def test_a_cursor_takes_each_event_once(appended: list[list[tuple[str, str]]], after: int, most: int) -> None:
    log = LiveLog()
    cursor = Cursor(log, after)
    taken = []
    for part in appended:
        log.extend(list(part))
        taken += cursor.take(most)
        assert not cursor.ended
    log.extend([END], close=True)
    while not cursor.ended:
        taken += cursor.take(most)
    every = [(number, kind, value) for number, (kind, value) in enumerate(log.events, 1)]
    assert taken == (every[after:] or [(after + 1, *END)]), "from beyond the end, the end"


def test_readers_are_woken_once_an_append_and_leave_when_they_like() -> None:
    log = LiveLog()
    woken: list[int] = []

    def wake() -> None:
        woken.append(len(log.events))
        if len(woken) == 2:
            log.unsubscribe(wake)

    log.subscribe(wake)
    log.extend([("delta", "a"), ("delta", "b")])
    log.extend([("delta", "c")])
    log.extend([END], close=True)
    assert woken == [2, 3]
    assert log.readers == 0
    log.unsubscribe(wake)


def test_nothing_follows_the_end() -> None:
    log = LiveLog([("started", {})])
    log.extend([END], close=True)
    log.extend([("delta", "late")])
    assert log.events == [("started", {}), END]
    assert log.ended


def test_whoever_is_ahead_of_an_ended_reply_gets_its_end_under_the_next_number() -> None:
    log = LiveLog([("started", {}), ("delta", "a"), END], closed=True)
    assert Cursor(log, 2).take() == [(3, *END)]
    for after in (3, 4, 900):
        cursor = Cursor(log, after)
        assert not cursor.ended
        assert cursor.take() == [(after + 1, *END)]
        assert cursor.ended


def test_a_log_that_was_lost_to_another_process_has_no_end_to_tell() -> None:
    log = LiveLog([("started", {}), ("delta", "a")], closed=True)
    cursor = Cursor(log, 2)
    assert cursor.ended
    assert cursor.take() == []
    assert Cursor(log, 7).take() == []


def test_a_reader_that_fails_harms_nobody_else() -> None:
    log = LiveLog()
    seen: list[int] = []

    def failing() -> None:
        raise ValueError("a fault in an encoder")

    log.subscribe(failing)
    log.subscribe(lambda: seen.append(len(log.events)))
    log.extend([("delta", "a")])
    log.extend([("delta", "b")], close=True)
    assert seen == [1, 2]
    assert log.readers == 1


def test_who_asks_from_beyond_a_running_reply_hears_of_its_end() -> None:
    log = LiveLog([("started", {})])
    cursor = Cursor(log, 5000)
    assert cursor.take() == []
    log.extend([END], close=True)
    assert not cursor.ended
    assert cursor.take() == [(5001, *END)]
    assert cursor.ended
