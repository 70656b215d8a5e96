"""Images as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.domain.images import MOST_AT_ONCE, Image
from api.domain.money import in_dollars
from api.web.answers import pick
from api.web.openapi import Body, Parameters
from api.web.schemas.chats import ModelName
from api.web.shapes import Shape

Size = Annotated[
    str, Field(pattern=r"^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$", description="`auto`, or such as `1024x1024`.")
]
Quality = Literal["auto", "low", "medium", "high", "standard", "hd"]


class NewImages(Body):
    """Without a model: that of a configured provider which makes images, ImageRouter before others."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    prompt: Annotated[str, Field(min_length=1)]
    model: ModelName | None = None
    model_config_id: UUID | None = None
    size: Size | None = None
    quality: Quality | None = None
    n: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = 1


class ImageAnswer(Shape):
    """`cost` in US dollars is that of the call, which may have brought several images; null where nobody knows it."""

    model_config = ConfigDict(protected_namespaces=())

    id: UUID
    generation_id: UUID
    prompt: str
    revised_prompt: str | None
    provider: str
    model: str
    size: str
    requested_size: str | None
    quality: str | None
    mime: str
    width: int
    height: int
    bytes: int
    url: str
    cost: str | None
    created_at: dt.datetime


def image_value(image: Image) -> dict[str, Any]:
    """As answers tell of it."""
    return pick(ImageAnswer, image, url=f"/images/{image.id}/content", cost=in_dollars(image.cost))


class NewImagesAnswer(Shape):
    generation_id: UUID
    cost: str | None
    items: list[ImageAnswer]


class ImagesAnswer(Shape):
    items: list[ImageAnswer]
    next_cursor: str | None


class ImagesQuery(Parameters):
    limit: int = Field(30, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200)
