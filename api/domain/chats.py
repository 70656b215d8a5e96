"""Chats and messages as plain values, and the rules that need nothing else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from api.domain.attachments import Attachment, shown_in
from api.domain.errors import Invalid
from api.domain.events import ProviderPart
from api.domain.sealed import unsealed

NEW_CHAT = "New chat"
TITLE_CHARS = 60
MAX_TITLE = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ONE_LINE = "must be one line without control characters"
SLUG = re.compile(r"[A-Za-z0-9_-]{1,50}")
PROMPT_VALUES = "prompt_values"  # among a chat's parameters
Reference = str | int
"""What names a chat: its id or slug, or its short number among its owner's."""


@dataclass(frozen=True, slots=True)
class Chat:
    user_id: UUID
    id: UUID
    number: int
    slug: str
    title: str
    titled_by: str
    model_config_id: UUID | None
    model: str | None
    prompt_id: UUID | None
    parameters: dict[str, Any]
    plan: dict[str, Any] | None  # planner, answerer, review
    head_id: UUID | None
    last_seq: int
    pinned: bool
    archived: bool
    temporary: bool
    folder: str | None
    tags: list[str]
    created_at: dt.datetime
    updated_at: dt.datetime
    active_generation_id: UUID | None = None

    @property
    def prompt_values(self) -> dict[str, str]:
        """What the blanks of its prompt are filled with, by their names."""
        return dict(self.parameters.get(PROMPT_VALUES) or {})

    def grown(self, by: int) -> Chat:
        """With places for so many messages more; the last of them is `last_seq`."""
        return replace(self, last_seq=self.last_seq + by)


@dataclass(frozen=True, slots=True)
class Message:
    user_id: UUID
    id: UUID
    chat_id: UUID
    parent_id: UUID | None
    seq: int
    role: str
    kind: str
    content: str
    reasoning: str | None
    parts: list[Any] | None
    model: str | None
    provider: str | None
    status: str
    metadata: dict[str, Any]
    created_at: dt.datetime
    sibling_ids: tuple[UUID, ...] = ()

    @property
    def attachments(self) -> list[dict[str, Any]]:
        """Its files, as they are shown."""
        return shown_in(self.parts)

    @property
    def told_parts(self) -> list[Any] | None:
        """Its parts without what only a provider can read."""
        return unsealed(self.parts)


class Spoken(NamedTuple):
    """What a model is to know of a message that was said."""

    role: str
    text: str
    kind: str = "text"
    files: tuple[Attachment, ...] = ()
    sealed: tuple[ProviderPart, ...] = ()


def spoken(path: Iterable[Message]) -> list[Message]:
    """What clients see that know neither states nor other roles; a reply that still runs is not said yet."""
    return [message for message in path if message.role in ("user", "assistant") and message.content]


def title_from(text: str) -> str:
    """The first 60 characters of the first message, on a word's edge."""
    words = " ".join(text.split())
    if len(words) <= TITLE_CHARS:
        return words or NEW_CHAT
    cut = words[: TITLE_CHARS + 1].rpartition(" ")[0]
    return (cut if len(cut) > TITLE_CHARS // 2 else words[:TITLE_CHARS]).rstrip(" ,.;:-") + "…"


def checked_content(text: str, longest: int) -> str:
    """`text` as typed. Raises Invalid for a blank one, a NUL, a lone surrogate, or more than `longest` characters."""
    if not text.strip():
        raise Invalid.at("content", "A message needs some text.")
    if len(text) > longest:
        words = f"The message has {len(text)} characters; at most {longest} are taken. Shorten or split it."
        raise Invalid.at("content", words)
    if "\x00" in text:
        raise Invalid.at("content", "The message holds a NUL character, which cannot be stored; remove it.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid.at(
            "content", "The message holds half of a surrogate pair, which is not text; remove it."
        ) from None
    return text
