"""How the body of an HTTP/1.1 answer is framed: bytes in, cut anywhere, content out. No I/O, memory bounded."""

from __future__ import annotations

import re
from typing import Final, Protocol

MAX_LINE_BYTES: Final = 8192
_SIZE_LINE: Final = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_LINE: Final = re.compile(rb"[^\n]*\n")
_EMPTY: Final = (b"\n", b"\r\n")


class BadFraming(Exception):
    """The bytes are not framed as the head said, from a place on; `content` is what stands before it."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__()
        self.content = content


class Body(Protocol):
    """`done`: nothing after it belongs to this answer. `surplus`: something came after it all the same."""

    done: bool
    surplus: bool

    def feed(self, data: bytes) -> bytes:
        """The content in `data`. Raises BadFraming."""
        ...

    def close(self) -> bool:
        """The connection has ended properly. False where the body had not."""
        ...


class Sized:
    """Content-Length says how much it is."""

    __slots__ = ("_left", "done", "surplus")

    def __init__(self, size: int) -> None:
        self._left = size
        self.done = not size
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        content = data[: self._left]
        self.surplus = len(data) > self._left
        self._left -= len(content)
        self.done = not self._left
        return content

    def close(self) -> bool:
        return self.done


class Unsized:
    """Everything up to the connection's end."""

    __slots__ = ("done", "surplus")

    def __init__(self) -> None:
        self.done = False
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> bool:
        self.done = True
        return True


class Chunked:
    """Chunks, each behind a line with its size (RFC 9112 section 7.1). Extensions and trailers are skipped."""

    __slots__ = ("_ending", "_held", "_last", "_left", "done", "surplus")

    def __init__(self) -> None:
        self._held = b""  # of a line that has not ended
        self._left = 0  # of the chunk
        self._ending = False  # the chunk is here, its line's end is not
        self._last = False  # only trailers follow
        self.done = False
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        if self._held:
            data, self._held = self._held + data, b""
        at, size = 0, len(data)
        while at < size and not self.done:
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                self._ending = not self._left
            elif not (self._ending or self._last) and (line := _SIZE_LINE.match(data, at)):
                at = line.end()
                self._left = int(line[1], 16)
                self._last = not self._left
                end = at + self._left
                if data[end : end + 2] == b"\r\n" and not self._last:  # as nearly all come
                    parts.append(data[at:end])
                    at = end + 2
                    self._left = 0
            elif other := _LINE.match(data, at):
                if not self._takes(other[0]):
                    raise BadFraming(b"".join(parts))
                at = other.end()
            else:
                self._held = data[at:]
                break
        self.surplus = self.done and at < size
        if len(self._held) > MAX_LINE_BYTES:
            raise BadFraming(b"".join(parts))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> bool:
        return self.done

    def _takes(self, line: bytes) -> bool:
        """A line that is no size: the end of a chunk's, or a trailer. False for any other."""
        if self._ending and line in _EMPTY:
            self._ending = False
        elif self._last and len(line) <= MAX_LINE_BYTES:
            self.done = line in _EMPTY
        else:
            return False
        return True
