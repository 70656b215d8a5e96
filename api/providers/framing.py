"""Bytes that arrive cut anywhere → lines → event payloads, in bounded memory. Shared by the wires; no I/O."""

from __future__ import annotations

from typing import Final

from api.domain.errors import ProviderBadResponse

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
_NAMED_ERROR: Final = frozenset((b"event: error", b"event:error"))


class LineSplitter:
    """Splits at LF and drops a CR before it. Holds at most one unfinished line of `max_bytes`."""

    __slots__ = ("_max", "_rest")

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max = max_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes. Raises ProviderBadResponse for a line over the cap."""
        lines = data.split(b"\n")
        last = lines.pop()
        if lines and self._rest:
            self._rest += lines[0]
            lines[0] = bytes(self._rest)
            self._rest.clear()
            if len(lines[0]) > self._max:
                raise _too_long(self._max)
        if last:
            self._rest += last
            if len(self._rest) > self._max:
                raise _too_long(self._max)
        if b"\r" in data:
            return [line.removesuffix(b"\r") for line in lines]
        # The CR may have come with the read before: then its LF starts this one.
        if lines and lines[0].endswith(b"\r"):
            lines[0] = lines[0][:-1]
        return lines

    @property
    def holds(self) -> bool:
        """Whether an unfinished line is held."""
        return bool(self._rest)

    def flush(self) -> bytes:
        """The unfinished line at the end of the bytes, or nothing."""
        rest = bytes(self._rest).removesuffix(b"\r")
        self._rest.clear()
        return rest


class EventStream:
    """Server-sent events: bytes in, one payload an event out. Comments are skipped, and all fields but `data`.

    Lines end as the standard allows: with LF, CR LF, or CR. An event that is named `error` is the stream's last: what
    it says is in `error`, and told apart from the others, because it may look like anything.
    """

    __slots__ = ("_after_cr", "_data", "_failing", "_lines", "_max", "_size", "error")

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._lines = LineSplitter(max_bytes)
        self._max = max_bytes
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False  # an LF at the beginning of the next bytes ends no further line
        self._failing = False  # the event being read is named `error`
        self.error: bytes | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completes. Raises ProviderBadResponse for an event over the cap."""
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if data.endswith(b"\n\n") and data.startswith(b"data: ") and len(data) <= self._max:
            found = data[6:-2].split(b"\n\ndata: ")
            if data.count(b"\n") == 2 * len(found) and not (self._data or self._failing or self._lines.holds):
                return found  # whole events of one line each: what most reads are
        payloads: list[bytes] = []
        for line in self._lines.feed(data):
            if line:
                self._take(line)
            elif self._data and self._failing:
                self.error = self._dispatch()
                break
            elif self._data:
                payloads.append(self._dispatch())
            else:
                self._failing = False
        return payloads

    def end(self) -> list[bytes]:
        """The last event where its blank line is missing; many servers end like that."""
        line = self._lines.flush()
        if line:
            self._take(line)
        if self._data and self._failing:
            self.error = self._dispatch()
        return [self._dispatch()] if self._data else []

    def _with_lf(self, data: bytes) -> bytes:
        """The same, every line ended by LF alone. A CR that comes last ends its line at once: the LF may never come."""
        if not data:
            return data
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _take(self, line: bytes) -> None:
        if not line.startswith(b"data"):
            if line.startswith(b"event"):
                self._failing = line in _NAMED_ERROR
            return
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        value = value.removeprefix(b" ")
        self._size += len(value)
        if self._size > self._max:
            raise _too_long(self._max)
        self._data.append(value)

    def _dispatch(self) -> bytes:
        payload = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._size = 0
        return payload


def _too_long(limit: int) -> ProviderBadResponse:
    return ProviderBadResponse(
        f"The provider sent more than {limit // 1024} KiB without a line's end. "
        "Check that the base URL points to an API of this kind."
    )
