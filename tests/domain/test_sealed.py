"""Sealed parts: kept whole or not at all, among parts of other kinds."""

from __future__ import annotations

from typing import Any

import pytest

from api.domain.events import ProviderPart
from api.domain.sealed import MOST_CHARS, given_back, stored, unsealed

PART = ProviderPart("anthropic", "m", '{"type":"thinking"}')
FILE = {"type": "attachment", "id": "1"}


def test_there_and_back() -> None:
    kept = stored([PART, PART])
    assert kept is not None
    assert given_back(kept) == (PART, PART)
    assert given_back([FILE, *kept, "x", None]) == (PART, PART)
    assert unsealed([FILE, *kept]) == [FILE]
    assert unsealed(kept) is None


@pytest.mark.parametrize("nothing", [None, []])
def test_nothing(nothing: Any) -> None:
    assert stored(nothing or ()) is None
    assert given_back(nothing) == ()
    assert unsealed(nothing) is None


def test_too_much_is_not_kept_in_part() -> None:
    large = ProviderPart("anthropic", "m", "x" * (MOST_CHARS // 2))
    assert stored([large, large]) is not None
    assert stored([large, large, PART]) is None
