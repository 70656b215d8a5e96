"""Server-sent events, as the WHATWG standard frames them: `id`, `event`, one `data` line of JSON, a blank line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

PING = b": ping\n\n"
CONTENT_TYPE = "text/event-stream; charset=utf-8"
_encode = msgspec.json.Encoder().encode


def encode(events: Iterable[tuple[int, str, Any]]) -> bytes:
    """Numbered native events as one piece of bytes. JSON escapes every line break, so no text can break a frame."""
    return b"".join([_frame(number, kind, value) for number, kind, value in events])


def encode_braided(events: Iterable[tuple[int, str, Any]]) -> bytes:
    """Events of several replies: each says whose it is, and its id says where the reader is in all of them."""
    return b"".join([_braided(kind, *braided) for _, kind, braided in events])


def _braided(kind: str, places: str, generation_id: UUID, value: Any) -> bytes:
    told = {"text": value} if kind in ("delta", "reasoning") else {"problem": value} if kind == "error" else value
    data = _encode({"generation_id": generation_id, **told})
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (places.encode(), kind.encode(), data)


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
