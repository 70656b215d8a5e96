from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.seam import LONGEST, Seam

OLD = "The ferry to Bergen leaves at seven, and whoever misses it"
texts = st.text(max_size=600)


def joined(old: str, pieces: list[str]) -> str:
    seam = Seam(old)
    return "".join([seam.joined(piece) for piece in pieces] + [seam.rest()])


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (" waits a day.", " waits a day."),
        ("and whoever misses it waits a day.", " waits a day."),
        (OLD + " waits a day.", " waits a day."),
        ("whoever misses", "whoever misses"),  # it went on otherwise
        ("it waits", "it waits"),  # too short to be taken for a repetition
    ],
)
def test_what_is_repeated_is_told_once(new: str, told: str) -> None:
    assert joined(OLD, [new]) == told
    assert joined(OLD, list(new)) == told


def test_a_line_of_dashes_may_go_on() -> None:
    assert joined("-" * 50, ["-" * 30, "x"]) == "-" * 30 + "x"


@given(texts, texts, st.lists(st.integers(1, 40), max_size=40))
def test_pieces_make_no_difference_and_only_a_repeated_beginning_goes(old: str, new: str, sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(new[at : at + size])
        at += size
    told = joined(old, [*pieces, new[at:]])
    assert told == joined(old, [new])
    assert new.endswith(told)
    assert old.endswith(new[: len(new) - len(told)])


@given(texts, st.integers(0, 600))
def test_the_repeated_end_of_any_varied_text_goes(old: str, start: int) -> None:
    end = old[-LONGEST:][start:]
    expected = "" if len(end) >= 16 and len(set(end)) >= 6 else end
    assert joined(old, [end + "\0new"]).removesuffix("\0new") in {expected, ""}
