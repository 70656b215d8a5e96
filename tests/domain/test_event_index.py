"""Text and index give back every event under its own number."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

import tests.hypothesis_profiles  # noqa: F401
from api.domain import event_index

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
tool_calls = st.fixed_dictionaries({"id": text, "name": text, "arguments": text})
told = st.one_of(st.tuples(st.sampled_from(["delta", "reasoning"]), text), st.tuples(st.just("tool_call"), tool_calls))
ends = st.sampled_from(["finished", "error"])


@given(st.lists(told, max_size=40), ends)
def test_rebuild_is_the_inverse_of_build(middle: list[tuple[str, Any]], end: str) -> None:
    made = {"started": {"n": 1}, "usage": {"n": 2}, end: {"n": 3}}
    events = [("started", made["started"]), *middle, ("usage", made["usage"]), (end, made[end])]
    index = event_index.build(events)
    again = event_index.rebuild(
        index, event_index.joined(events, "delta"), event_index.joined(events, "reasoning"), made
    )
    assert again == events
    assert msgspec.json.encode(again) == msgspec.json.encode(events)


@given(st.lists(told, max_size=40))
def test_the_index_is_compact(middle: list[tuple[str, Any]]) -> None:
    """A delta costs a few digits, whatever its length."""
    deltas = [event for event in middle if event[0] == "delta"]
    assert len(event_index.build(deltas)) <= 2 + 4 * len(deltas)


def test_a_deleted_message_leaves_the_numbers() -> None:
    index = event_index.build([("started", None), ("delta", "abc"), ("reasoning", "x"), ("finished", None)])
    made = {"started": 1, "finished": 2}
    assert event_index.rebuild(index, "", "", made) == [
        ("started", 1),
        ("delta", ""),
        ("reasoning", ""),
        ("finished", 2),
    ]


def test_an_empty_reasoning_stays_one() -> None:
    """Its length is zero, which has no sign of its own."""
    index = event_index.build([("reasoning", "")])
    assert event_index.rebuild(index, "", "", {}) == [("reasoning", "")]
