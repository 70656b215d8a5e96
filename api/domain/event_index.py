"""The compact index that replaces a reply's event rows after its end.

One JSON array: a positive number is a `delta` of that many characters, a negative one a `reasoning` of that many;
a string names an event that is made again from its generation's row (`started`, `usage`, `finished`, `error`); an
object is an event kept whole (`tool_call`), or `{"from": [text, reasoning]}` in front: where in the text and in the
reasoning a reply begins that goes on. With the stored text it gives back every event under its own number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Event = tuple[str, Any]


def build(events: list[Event], text_from: int = 0, reasoning_from: int = 0) -> str:
    """The index of `events`, in order from number 1, whose texts stand behind so many characters of earlier ones."""
    entries: list[Any] = [{"from": [text_from, reasoning_from]}] if text_from or reasoning_from else []
    for kind, value in events:
        if kind == "delta":
            entries.append(len(value))
        elif kind == "reasoning":
            entries.append(-len(value) or {kind: value})  # zero has no sign
        elif kind == "tool_call":
            entries.append({kind: value})
        else:
            entries.append(kind)
    return msgspec.json.encode(entries).decode()


def rebuild(index: str, text: str, reasoning: str, made: Mapping[str, Any]) -> list[Event]:
    """The events again. `made` holds the values of those that the index only names."""
    events: list[Event] = []
    text_at = reasoning_at = 0
    for entry in msgspec.json.decode(index):
        if isinstance(entry, int) and entry >= 0:
            events.append(("delta", text[text_at : text_at + entry]))
            text_at += entry
        elif isinstance(entry, int):
            events.append(("reasoning", reasoning[reasoning_at : reasoning_at - entry]))
            reasoning_at -= entry
        elif isinstance(entry, dict) and "from" in entry:
            text_at, reasoning_at = entry["from"]
        elif isinstance(entry, dict):
            events.extend(entry.items())
        else:
            events.append((entry, made[entry]))
    return events


def joined(events: list[Event], kind: str) -> str:
    """All text of one kind, in order."""
    return "".join(value for found, value in events if found == kind)


def cut(events: list[Event], excess: int) -> list[Event]:
    """Without the last `excess` characters, and without what came after the first one that is too many."""
    while excess > 0:
        kind, value = events.pop()
        size = len(value) if kind in ("delta", "reasoning") else 0
        if size > excess:
            events.append((kind, value[:-excess]))
        excess -= size
    return events
