"""Folders and tags: names that chats carry, and what is done to many chats at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Action = Literal["archive", "unarchive", "pin", "unpin", "move", "tag", "untag", "delete"]
MOST_TAGS = 20


@dataclass(frozen=True, slots=True)
class Label:
    """A folder or a tag: how many chats carry it, and how many of these are archived."""

    name: str
    chats: int
    archived: int


def with_tags(old: Sequence[str], added: Sequence[str]) -> list[str]:
    """In the order in which they were given; none twice."""
    return list(dict.fromkeys([*old, *added]))


def without_tags(old: Sequence[str], removed: Sequence[str]) -> list[str]:
    return [tag for tag in old if tag not in removed]
