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
    return b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n" % (number, kind.encode(), _encode(_data(kind, value)))
        for number, kind, value in events
    )


def _data(kind: str, value: Any) -> Any:
    if kind in ("delta", "reasoning"):
        return {"text": value}
    return {"problem": value} if kind == "error" else value
