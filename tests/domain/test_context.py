"""What fits a model's window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.context import DEFAULT_WINDOW, estimated_tokens, fitted
from api.domain.conversation import Turn
from tests import hypothesis_profiles  # noqa: F401


def talk(*sizes: int) -> list[Turn]:
    return [Turn("assistant" if place % 2 else "user", "x" * size) for place, size in enumerate(sizes)]


def test_all_of_it_where_it_fits() -> None:
    turns = talk(100, 100, 100)
    assert fitted(turns, None, window=1000, reserve=None) == (tuple(turns), 0)
    assert fitted(turns, "system", window=None, reserve=None) == (tuple(turns), 0)


@pytest.mark.parametrize(
    ("sizes", "window", "reserve", "kept"),
    [
        ((350, 350, 350), 300, 50, 1),  # 108 tokens each, 250 are free: two fit, but one is the model's
        ((350, 350, 350), 400, 50, 3),
        ((350, 350, 350), 400, 300, 1),  # at most half of the window is kept free
        ((5000,), 100, None, 1),  # the last turn always goes
        ((10, 10, 10, 10, 5000), 100, None, 1),
        ((5000, 10, 10), 100, None, 1),
    ],
)
def test_the_newest_that_fit(sizes: tuple[int, ...], window: int, reserve: int | None, kept: int) -> None:
    turns = talk(*sizes)
    assert fitted(turns, None, window=window, reserve=reserve) == (tuple(turns[-kept:]), len(turns) - kept)


def test_the_system_prompt_takes_its_room() -> None:
    turns = talk(350, 350, 350)
    assert fitted(turns, "x" * 350, window=400, reserve=50)[1] == 2


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.integers(0, 3000)), min_size=1),
    st.integers(50, 3000),
    st.none() | st.integers(1, 3000),
    st.none() | st.text(max_size=50),
)
def test_always(talked: list[tuple[str, int]], window: int, reserve: int | None, system: str | None) -> None:
    turns = [Turn(role, "é" * size) for role, size in talked]  # type: ignore[arg-type]
    kept, left_out = fitted(turns, system, window=window, reserve=reserve)
    assert list(kept) == turns[left_out:], "the newest, in order"
    assert kept, "the last turn is always sent"
    if len(kept) > 1:
        assert kept[0].role == "user"
        assert sum(estimated_tokens(turn.content) for turn in kept) <= window


def test_an_unknown_window_is_a_cautious_one() -> None:
    assert DEFAULT_WINDOW == 32_768
    turns = talk(*[3_500] * 40)
    kept, left_out = fitted(turns, None, window=None, reserve=None)
    assert len(kept) + left_out == 40
    assert 26 <= len(kept) <= 28
