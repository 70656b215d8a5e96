"""Files of other products and other instances: what came of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID, uuid5

RunState = Literal["running", "complete", "failed", "interrupted"]
Outcome = Literal["added", "extended", "unchanged", "failed"]
NAMES: Final = UUID("5f0b6f5e-1c38-4d61-9d4c-3a7f0a9c2b60")


@dataclass(frozen=True, slots=True)
class Imported:
    """A conversation or prompt of a source that is, or was, here."""

    source: str
    source_id: str
    content_hash: str
    object_id: UUID


@dataclass(frozen=True, slots=True)
class ImportRun:
    """One file. `size` and `done` are in bytes."""

    user_id: UUID
    id: UUID
    state: RunState
    size: int
    done: int
    added: int
    extended: int
    unchanged: int
    failed: int
    detail: str | None
    created_at: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one conversation: `messages` counts the new ones."""

    position: int
    outcome: Outcome
    title: str
    source: str | None = None
    source_id: str | None = None
    chat_id: UUID | None = None
    messages: int = 0
    detail: str | None = None


def id_of(*names: str) -> UUID:
    """The id of what has these names elsewhere: the same at every import, which is what makes twice once."""
    return uuid5(NAMES, "\0".join(names))
