"""The arithmetic: what is used, and when more fits."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from api.rate_limits.window import Bucket, Count

A_MOMENT = 1e-4


def later(count: Count, seconds: float) -> Count:
    """The same bucket after `seconds` (less than two windows) without a hit."""
    left = count.left - seconds
    if left > 0:
        return count._replace(left=left)
    return Count(count.bucket, count.hits, 0, left + count.bucket.window)


@given(
    limit=st.integers(1, 2000),
    window=st.sampled_from((60, 300, 3600)),
    previous=st.integers(0, 2000),
    hits=st.integers(0, 2000),
    rest=st.floats(0.001, 1),
    amount=st.integers(1, 5),
)
def test_seconds_until_is_the_first_moment(
    limit: int, window: int, previous: int, hits: int, rest: float, amount: int
) -> None:
    assume(amount <= limit)
    assume(hits <= limit)
    count = Count(Bucket("key", limit, window), min(previous, limit), hits, rest * window)
    wait = count.seconds_until(amount)
    if wait == 0:
        assert count.used + amount <= limit
        return
    assert 0 < wait < 2 * window
    assert later(count, wait + A_MOMENT).used + amount <= limit
    if wait > A_MOMENT:
        assert later(count, wait - A_MOMENT).used + amount > limit


def test_what_was_used_before_fades() -> None:
    bucket = Bucket("key", 100, 60)
    assert Count(bucket, 100, 0, 60.0).remaining == 0
    assert Count(bucket, 100, 0, 30.0).remaining == 50
    assert Count(bucket, 100, 40, 30.0).remaining == 10
    assert Count(bucket, 0, 101, 30.0).remaining == 0


@given(previous=st.integers(0, 3), hits=st.integers(0, 3), amount=st.integers(1, 5), limit=st.integers(0, 3))
def test_what_never_fits_waits_as_long_as_anything(previous: int, hits: int, amount: int, limit: int) -> None:
    assume(amount > limit)
    assert Count(Bucket("key", limit, 60), previous, hits, 20.0).seconds_until(amount) == 80
