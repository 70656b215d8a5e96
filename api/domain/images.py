"""Images that models made: what is asked for, what comes back, and what is kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from api.domain.errors import ProviderError
from api.domain.events import Usage

MOST_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """What a provider is asked for. `size` is `1024x1024` or `auto`; None leaves a matter to the model. `extra`: what
    a client of OpenAI's form says besides."""

    model: str
    prompt: str
    n: int = 1
    size: str | None = None
    quality: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One image of an answer: its bytes, or where they are."""

    data: bytes | None = None
    url: str | None = None
    revised_prompt: str | None = None


@dataclass(frozen=True, slots=True)
class DrawnAnswer:
    """All of a provider's answer. `cost` in US dollars is its own word; None where it says nothing. `fault` is why an
    image is not among them: it is paid for all the same."""

    images: tuple[Drawn, ...]
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    cost: Decimal | None = None
    fault: ProviderError | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it is kept: `digest` names its file, `cost` is that of the whole call that brought it."""

    user_id: UUID
    id: UUID
    generation_id: UUID
    prompt: str
    revised_prompt: str | None
    provider: str
    model: str
    requested_size: str | None
    quality: str | None
    mime: str
    width: int
    height: int
    bytes: int
    digest: str
    created_at: dt.datetime
    cost: Decimal | None = None

    @property
    def size(self) -> str:
        """In pixels, as it is asked for."""
        return f"{self.width}x{self.height}"
