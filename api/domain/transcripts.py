"""A chat as it travels: our own file format, version 1, and what every import is read into.

A file is one JSON value, `{"format": "parley", "version": 1, "chat": {…}, "messages": […]}`, with the messages in the
order in which they were said, parents first. The same chat is the same bytes on both databases. What only this
instance knows (short number, ledger, running replies) does not travel; a reply that still runs leaves as interrupted.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from api.domain.chats import Chat, Message
from api.domain.generations import ACTIVE

FORMAT: Final = "parley"
VERSION: Final = 1
CHAT_FIELDS: Final = (
    *("id", "slug", "title", "titled_by", "created_at", "updated_at", "model", "model_config_id", "prompt_id"),
    *("parameters", "plan", "head_id", "pinned", "archived", "folder", "tags"),
)
MESSAGE_FIELDS: Final = (
    *("id", "parent_id", "role", "kind", "content", "reasoning", "parts", "model", "provider", "status"),
    *("metadata", "created_at"),
)
FILES: Final = "files/"  # of a zip: the bytes of messages' files, each under its id
END: Final = "\n]}\n"


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a transcript; ids are those of its source. `created_at` is None where nobody knows."""

    id: str
    parent_id: str | None
    role: str
    content: str
    created_at: dt.datetime | None = None
    kind: str = "text"
    reasoning: str | None = None
    parts: list[Any] | None = None
    model: str | None = None
    provider: str | None = None
    status: str = "complete"
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A chat of any source. `fields` are columns of the chat besides those named here; `head` is a message's id."""

    source: str
    id: str
    title: str | None
    messages: list[Said]
    head: str | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def opening(chat: Chat) -> str:
    """The file's beginning, up to its first message."""
    return f'{{"format":"{FORMAT}","version":{VERSION},"chat":{canonical(_picked(chat, CHAT_FIELDS))},\n"messages":['


def line(message: Message) -> str:
    """A message of the file; commas between them are the writer's."""
    values = _picked(message, MESSAGE_FIELDS) | {"parts": message.told_parts}
    if message.status in ACTIVE:
        values["status"] = "interrupted"
    return "\n" + canonical(values)


def canonical(value: Any) -> str:
    """JSON that is equal for equal values, whatever database they come from."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=False, separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """Numbers and the order of names as PostgreSQL's JSONB keeps neither: whole numbers as such, names sorted."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, dict):
        return {name: plain(value[name]) for name in sorted(value)}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _picked(row: Chat | Message, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _told(getattr(row, name)) for name in names}


def _told(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds")
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return str(value)
