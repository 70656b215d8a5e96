"""Avatars that were uploaded: where they are served, and what is kept of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from uuid import UUID

MIME: Final = "image/webp"
SIDE: Final = 512
"""In pixels; an avatar is square, and smaller where the picture was."""


@dataclass(frozen=True, slots=True)
class Avatar:
    """`digest` names its file, which has `size` bytes."""

    user_id: UUID
    digest: str
    size: int
    created_at: dt.datetime


def address(user_id: UUID) -> str:
    """What `avatar_url` says of an uploaded one: the path at which this server gives it."""
    return f"/users/{user_id}/avatar"
