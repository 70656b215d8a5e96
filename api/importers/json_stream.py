"""JSON files of any size, a value at a time: the top level is cut into its values, and only one of them is in memory.

What is cut is found by counting brackets outside strings, so a value that is no JSON inside its brackets spoils nothing
but itself. A file may be an array, a single value, or values one after the other (JSON lines).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from api.importers.values import Unreadable

STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.S)
BETWEEN: Final = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.S)  # up to a bracket, over strings
RECURSION: Final = 200  # brackets within brackets that the fast decoder is given
DEEPEST: Final = 20_000
BLANK: Final = b" \t\r\n,"
BOM: Final = b"\xef\xbb\xbf"


class BreaksOff(Exception):
    """The source ends in the middle of a value."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A value of the top level: its bytes, or why there are none."""

    data: bytes
    depth: int = 0
    fault: str = ""


def pieces(chunks: Iterable[bytes], most: int) -> Iterator[Piece]:
    """The top level's values, each of at most so many bytes. Raises BreaksOff."""
    cutter = _Cutter(most)
    for number, chunk in enumerate(chunks):
        yield from cutter.feed(chunk.removeprefix(BOM) if number == 0 else chunk)
    yield from cutter.end()


class _Cutter:
    """Where in the file we are. `_base` is 1 within a top-level array, else 0."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[bytes] = []
        self._size = 0
        self._base = self._depth = self._deepest = 0
        self._in_string = False
        self._rest = b""  # a backslash at a chunk's end

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        chunk = self._rest + chunk
        self._rest = b""
        start = at = 0  # what of the chunk belongs to the present value, and how far it is read
        while at < len(chunk):
            if self._in_string:
                found = STRING.match(chunk, at)
                assert found is not None
                at = found.end()
                if at == len(chunk):
                    break
                if chunk[at] == 0x5C:  # its second half is in the next chunk
                    self._rest = chunk[at:]
                    chunk = chunk[:at]
                    break
                self._in_string = False
                at += 1
                continue
            skipped = BETWEEN.match(chunk, at)
            assert skipped is not None
            mark = skipped.end()
            if mark == len(chunk):
                break
            at = mark + 1
            kind = chunk[mark:at]
            if kind == b'"':
                self._in_string = True
            elif kind in b"{[":
                if self._depth == self._base:
                    yield from self._stray(chunk[start:mark])
                    start = mark
                    if kind == b"[" and self._base == 0:
                        self._base, start = 1, at
                self._depth += 1
                self._deepest = max(self._deepest, self._depth)
            elif self._depth > self._base:
                self._depth -= 1
                if self._depth == self._base:
                    self._keep(chunk[start:at])
                    start = at
                    yield self._taken()
            else:  # the top-level array's end, or a bracket that nothing opened
                yield from self._stray(chunk[start:mark])
                start, self._base, self._depth = at, 0, 0
        self._keep(chunk[start:])

    def end(self) -> Iterator[Piece]:
        if self._in_string or self._depth > self._base or self._rest:
            raise BreaksOff
        yield from self._stray(b"")
        if self._base:
            raise BreaksOff

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._most:
            self._kept.append(data)
        else:
            self._kept.clear()

    def _taken(self) -> Piece:
        data, size, depth = b"".join(self._kept), self._size, self._deepest - self._base
        self._kept, self._size, self._deepest = [], 0, 0
        if size > self._most:
            return Piece(b"", depth, f"It has {size:,} bytes; at most {self._most:,} are read (IMPORT_CHAT_BYTES).")
        return Piece(data.lstrip(BLANK), depth)

    def _stray(self, data: bytes) -> Iterator[Piece]:
        """What stands between values: blanks and commas, or a value that is neither object nor array."""
        self._keep(data)
        text = b"".join(self._kept).strip(BLANK)
        self._kept, self._size, self._deepest = [], 0, 0
        if text:
            yield Piece(text)


def decoded(piece: Piece) -> Any:
    """The value. Raises Unreadable."""
    if piece.fault:
        raise Unreadable(piece.fault)
    try:
        text = piece.data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"It is not UTF-8 text: byte {error.start:,} of it fits nowhere.") from None
    if piece.depth > DEEPEST:
        raise Unreadable(f"It is nested {piece.depth:,} brackets deep; nothing that was said is.")
    try:
        return _deep(text) if piece.depth > RECURSION else json.loads(text, strict=False, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Unreadable(f"It is not JSON: {error.msg} at character {error.pos:,} of it.") from None
    except (ValueError, IndexError) as error:
        raise Unreadable(f"It is not JSON: {str(error)[:200]}") from None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


TOKEN: Final = re.compile(r'[ \t\r\n]*(?:([{}\[\]:,])|(")|([^{}\[\]:,"\s]+))')


def _deep(text: str) -> Any:
    """The same without recursion, for trees that are deep because a conversation is long."""
    string: Callable[..., tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]
    top: list[Any] = []
    stack: list[Any] = [top]
    names: list[str | None] = [None]
    at = 0
    while (token := TOKEN.match(text, at)) is not None:
        at = token.end()
        mark = token[1]
        if mark in ("{", "["):
            made: Any = {} if mark == "{" else []
            _put(stack[-1], names, made)
            stack.append(made)
            names.append(None)
        elif mark in ("}", "]"):
            if len(stack) < 2 or isinstance(stack.pop(), dict) != (mark == "}"):
                raise ValueError("brackets do not match")
            names.pop()
        elif mark is None:
            if token[2]:
                value, at = string(text, at, False)
            else:
                value = json.loads(token[3], parse_constant=_no_number)
            if isinstance(stack[-1], dict) and names[-1] is None:
                names[-1] = str(value)
            else:
                _put(stack[-1], names, value)
    if text[at:].strip() or len(stack) != 1 or len(top) != 1:
        raise ValueError("it ends too early or too late")
    return top[0]


def _put(holder: Any, names: list[str | None], value: Any) -> None:
    if isinstance(holder, list):
        holder.append(value)
        return
    name, names[-1] = names[-1], None
    if name is None:
        raise ValueError("a value without a name")
    holder[name] = value
