"""Cutting JSON into its values: the same values wherever the chunks end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.importers.json_stream import BreaksOff, decoded, pieces
from api.importers.values import Unreadable
from tests import hypothesis_profiles  # noqa: F401

texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(['"', "\\", "}{][", '\\"', ",", "\\\\"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
things = st.lists(st.dictionaries(texts, values, max_size=4), max_size=5)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def values_of(chunks: list[bytes]) -> list[Any]:
    return [decoded(piece) for piece in pieces(chunks, 10**6)]


@given(things, st.integers(1, 30), st.sampled_from([None, 1]), st.booleans())
def test_the_same_values_wherever_chunks_end(items: list[Any], size: int, indent: int | None, ascii_only: bool) -> None:
    array = json.dumps(items, indent=indent, ensure_ascii=ascii_only).encode()
    lines = "\n".join(json.dumps(one, ensure_ascii=ascii_only) for one in items).encode()
    assert values_of(cut(array, size)) == items
    assert values_of(cut(lines, size)) == items


@given(things.filter(bool), st.integers(1, 30), st.data())
def test_a_file_that_breaks_off_is_known_and_what_is_whole_was_told(items: list[Any], size: int, data: Any) -> None:
    array = json.dumps(items).encode()
    end = data.draw(st.integers(1, len(array) - 1))
    told: list[Any] = []
    with pytest.raises(BreaksOff):
        for piece in pieces(cut(array[:end], size), 10**6):
            told.append(decoded(piece))
    assert told == items[: len(told)]


@given(values)
def test_without_recursion_it_is_the_same_value(value: Any) -> None:
    from api.importers.json_stream import _deep

    assert _deep(json.dumps(value)) == value
    assert _deep(json.dumps(value, indent=1, ensure_ascii=False)) == value


@given(st.binary(max_size=60) | st.text('{}[]",:\\ 1a', max_size=40).map(str.encode), st.integers(1, 7))
def test_any_bytes_are_values_or_faults_and_nothing_else(data: bytes, size: int) -> None:
    try:
        for piece in pieces(cut(data, size), 1000):
            try:
                decoded(piece)
            except Unreadable:
                continue
    except BreaksOff:
        pass


def test_a_value_that_is_too_large_is_passed_over() -> None:
    data = b'[{"a":1},{"b":"' + b"x" * 5000 + b'"},{"c":2}]'
    found = list(pieces(cut(data, 64), 1000))
    assert [bool(one.fault) for one in found] == [False, True, False]
    assert decoded(found[2]) == {"c": 2}


def test_own_checks_know_every_field() -> None:
    from api.domain.transcripts import CHAT_FIELDS, MESSAGE_FIELDS
    from api.importers.parley import CHAT, MESSAGE

    assert (set(CHAT), set(MESSAGE)) == (set(CHAT_FIELDS), set(MESSAGE_FIELDS))
