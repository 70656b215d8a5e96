"""What is left of a body's framing: the content, all of it and nothing else, wherever the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.hypothesis_profiles  # noqa: F401
from api.providers.bodies import MAX_LINE_BYTES, BadFraming, Body, Chunked, Sized, Unsized
from tests.providers.test_reading import cut

CUTS = st.lists(st.integers(0, 5000), max_size=12)
CONTENT = st.binary(min_size=1, max_size=40) | st.sampled_from(
    [b"\r\n", b"0\r\n\r\n", b"5\r\nabcde\r\n", b"\n", b"a" * 300]
)
EXTENSIONS = st.sampled_from([b"", b" ", b";x=1", b' ; a="b"'])
LINE_ENDS = st.sampled_from([b"\r\n", b"\n"])


def taken(body: Body, pieces: list[bytes]) -> bytes:
    return b"".join([body.feed(piece) for piece in pieces])


def up_to_a_fault(body: Body, pieces: list[bytes]) -> bytes:
    content = b""
    try:
        for piece in pieces:
            content += body.feed(piece)
    except BadFraming as fault:
        content += fault.content
    return content


@given(
    st.lists(st.tuples(CONTENT, EXTENSIONS, LINE_ENDS)), st.sampled_from([b"", b"A: b\r\n", b"A: b\nC: d\r\n"]), CUTS
)
def test_chunks(chunks: list[tuple[bytes, bytes, bytes]], trailers: bytes, places: list[int]) -> None:
    data = b"".join(b"%x%b%b%b%b" % (len(one), more, end, one, end) for one, more, end in chunks)
    body = Chunked()
    assert taken(body, cut(data, places)) == b"".join(one for one, _, _ in chunks)
    assert not body.done
    assert not body.close()
    assert taken(body, cut(b"00\r\n" + trailers + b"\r\n", places)) == b""
    assert body.done
    assert not body.surplus
    assert body.close()


@given(st.lists(CONTENT, min_size=1, max_size=4), CUTS)
def test_what_stands_behind_the_end_is_noticed(chunks: list[bytes], places: list[int]) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks) + b"0\r\n\r\n"
    body = Chunked()
    assert taken(body, [*cut(data, places)[:-1], cut(data, places)[-1] + b"HTTP/1.1 200"]) == b"".join(chunks)
    assert body.done
    assert body.surplus


@given(st.lists(CONTENT, max_size=3), st.binary(max_size=200), CUTS)
def test_no_bytes_break_it_in_another_way(chunks: list[bytes], data: bytes, places: list[int]) -> None:
    """What stands before a fault is content, wherever the bytes are cut."""
    data = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks) + data
    whole, in_pieces = Chunked(), Chunked()
    said = up_to_a_fault(whole, [data])
    assert said.startswith(b"".join(chunks))
    assert up_to_a_fault(in_pieces, cut(data, places)) == said
    assert in_pieces.done == whole.done


@pytest.mark.parametrize(
    "data",
    [
        b"-1\r\n\r\n",
        b"+1\r\nx\r\n",
        b"0x1\r\nx\r\n",
        b"1_0\r\n",
        b" 1\r\nx\r\n",
        b"\r\n1\r\nx\r\n",
        b"zz\r\n",
        b"ffffffffffffffff\r\nx",
        b"1\r\nxy\r\n",
        b"2\r\nxy3\r\nabc\r\n",
    ],
)
@pytest.mark.parametrize("before", [b"", b"2\r\nok\r\n"])
def test_what_is_no_chunk_is_refused(before: bytes, data: bytes) -> None:
    with pytest.raises(BadFraming):
        Chunked().feed(before + data)
    body = Chunked()
    with pytest.raises(BadFraming):
        taken(body, [bytes([byte]) for byte in before + data])
    assert not body.close()


@pytest.mark.parametrize("line", [b"0", b"1;x", b"0\r\nA: b"])
def test_no_line_is_held_without_end(line: bytes) -> None:
    body = Chunked()
    with pytest.raises(BadFraming):
        taken(body, [line, *[b"0" * 1000] * (MAX_LINE_BYTES // 1000 + 1)])


@given(st.binary(max_size=100), CUTS)
def test_a_body_of_a_known_size(data: bytes, places: list[int]) -> None:
    body = Sized(len(data))
    assert body.done == (not data)
    assert taken(body, cut(data, places)) == data
    assert body.done
    assert not body.surplus
    assert body.feed(b"more") == b""
    assert body.surplus


def test_a_body_of_a_known_size_that_is_cut() -> None:
    body = Sized(5)
    assert body.feed(b"four") == b"four"
    assert not body.close()


def test_a_body_that_ends_with_its_connection() -> None:
    body = Unsized()
    assert body.feed(b"all") == b"all"
    assert not body.done
    assert body.close()
    assert body.done
