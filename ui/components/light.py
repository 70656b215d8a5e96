"""What components and streamed replies are given, in a form that Streamlit does not look into: for a list or a mapping
it loads pandas and pyarrow, to tell whether it is a table, and they keep seventy megabytes for good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def light(**given: Any) -> dict[str, Any]:
    """The browser gets tuples as arrays, and a mapping as an array of pairs."""
    return {name: _light(value) for name, value in given.items()}


def _light(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


class Stream(tuple[Any, ...]):
    """The pieces of a reply, for `st.write_stream`."""

    _pieces: Iterator[Any]

    def __new__(cls, pieces: Iterator[Any]) -> Stream:
        made = super().__new__(cls)
        made._pieces = pieces
        return made

    def __iter__(self) -> Iterator[Any]:
        return self._pieces
