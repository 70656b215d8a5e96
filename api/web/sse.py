"""Server-sent events, as the WHATWG standard frames them: `id`, `event`, one `data` line of JSON, a blank line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

PING = b": ping\n\n"
CONTENT_TYPE = "text/event-stream; charset=utf-8"
_encode = msgspec.json.Encoder().encode


def encode(events: Iterable[tuple[int, str, Any]]) -> bytes:
    """Numbered native events as one piece of bytes. JSON escapes every line break, so no text can break a frame."""
    return b"".join([_frame(number, kind, value) for number, kind, value in events])


def _frame(number: int, kind: str, value: Any) -> bytes:
    if kind == "delta":
        return b'id: %d\nevent: delta\ndata: {"text":%b}\n\n' % (number, _encode(value))
    if kind == "reasoning":
        return b'id: %d\nevent: reasoning\ndata: {"text":%b}\n\n' % (number, _encode(value))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (
        number,
        kind.encode(),
        _encode({"problem": value} if kind == "error" else value),
    )
