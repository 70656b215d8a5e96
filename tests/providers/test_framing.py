"""Event streams against their grammar: lines that end with LF, CR LF or CR, mixed, and cut anywhere."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.errors import ProviderBadResponse
from api.domain.events import TextDelta
from api.providers.framing import EventStream
from tests import hypothesis_profiles  # noqa: F401
from tests.providers.helpers import WIRES, call_for, cut_at, decode, run, text_of
from tests.providers.test_wires import FULL, SSE
from tests.upstream import Upstream
from tests.upstream_formats import FORMATS

ENDS = (b"\n", b"\r\n", b"\r")
LINES = (
    b"data: a",
    b"data:b",
    b"data: two words",
    b"data",
    b"data:",
    b"data:  c",
    b": ping",
    b"id: 7",
    b"event: x",
    b"",
)
ANY_LINES = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)), max_size=30)


def as_the_grammar_says(data: bytes) -> list[bytes]:
    """Read whole, slowly: the payloads, the last one also where its blank line is missing."""
    payloads: list[bytes] = []
    event: list[bytes] = []
    for line in [*re.split(rb"\r\n|\n|\r", data), b""]:
        name, _, value = line.partition(b":")
        if name == b"data":
            event.append(value.removeprefix(b" "))
        elif not line and event:
            payloads.append(b"\n".join(event))
            event = []
    return payloads


@given(lines=ANY_LINES, cuts=st.lists(st.integers(0, 300), max_size=20))
def test_any_line_ends_cut_anywhere(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    data = b"".join(line + end for line, end in lines)
    stream = EventStream()
    read = [payload for piece in cut_at(data, cuts) for payload in stream.feed(piece)]
    assert read + stream.end() == as_the_grammar_says(data)


@pytest.mark.parametrize("end", ENDS)
def test_an_event_is_told_at_once(end: bytes) -> None:
    """Nobody waits for an LF behind a CR: it may never come."""
    stream, line = EventStream(), b"data: a" + end
    assert stream.feed(line) == []
    assert stream.feed(end[:1]) == [b"a"]
    assert stream.feed(end[1:] + b"data: b" + end * 2) == [b"b"]


@pytest.mark.parametrize("end", ENDS)
def test_the_cap_holds_whatever_ends_a_line(end: bytes) -> None:
    stream = EventStream(max_bytes=1000)
    with pytest.raises(ProviderBadResponse):
        for _ in range(100):
            stream.feed(b"data: " + b"x" * 90 + end)


@pytest.mark.parametrize("wire", SSE)
@given(cuts=st.lists(st.integers(0, 3000), max_size=10))
def test_every_wire_reads_cr(wire: str, cuts: list[int]) -> None:
    form = FORMATS[wire]("m", b"\r")
    data = form.token("one ") + form.token("two") + form.finish(1, 1)
    events = decode(WIRES[wire].decoder(FULL), cut_at(data, cuts))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "one two"


@pytest.mark.parametrize("wire", SSE)
def test_cr_over_the_line(upstream: Upstream, wire: str) -> None:
    assert text_of(run(call_for(upstream, "cr", wire=wire))) == "You said: hello "
