"""Search over one's own titles and messages."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime

from ui.api_client.calls import Caller, Params
from ui.api_client.records import Json, read_time

_MARK = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)


@dataclass(frozen=True)
class Hit:
    """A message, or a chat by its title. `parts` are the words around what was found, each with whether it was."""

    chat_id: str
    chat_title: str
    message_id: str
    role: str
    parts: tuple[tuple[str, bool], ...]
    is_shown: bool
    at: datetime

    @classmethod
    def read(cls, body: Json) -> Hit:
        return cls(
            chat_id=str(body.get("chat_id") or ""),
            chat_title=str(body.get("chat_title") or ""),
            message_id=str(body.get("message_id") or ""),
            role=str(body.get("role") or ""),
            parts=parts(str(body.get("snippet") or "")),
            is_shown=bool(body.get("is_shown", True)),
            at=read_time(body.get("at")),
        )


@dataclass(frozen=True)
class Hits:
    items: list[Hit]
    next_cursor: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: Json) -> Hits:
        items = [Hit.read(entry) for entry in body.get("items") or [] if isinstance(entry, dict)]
        return cls(items, str(body.get("next_cursor") or ""), tuple(str(note) for note in body.get("notes") or []))


def parts(snippet: str) -> tuple[tuple[str, bool], ...]:
    """The API's HTML, escaped text with marks, as plain text: the page builds its own."""
    pieces = _MARK.split(snippet)
    return tuple((html.unescape(text), bool(number % 2)) for number, text in enumerate(pieces) if text)


class Search(Caller):
    def search(self, words: str, *, limit: int = 20, cursor: str = "") -> Hits:
        params: Params = {"q": words, "limit": limit, **({"cursor": cursor} if cursor else {})}
        return Hits.read(self._call("GET", "/search", params=params))
