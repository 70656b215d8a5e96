"""What OpenAI's clients send and read besides completions."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from api.domain.embeddings import EmbeddingOrder
from api.domain.errors import Invalid
from api.domain.images import MOST_AT_ONCE
from api.services.images import ImageDraft
from api.web.completions.requests import refuse_detours
from api.web.openapi import OpenBody, Parameters
from api.web.schemas.images import Quality, Size
from api.web.shapes import Shape

COUNT: Final = re.compile(
    r"n|num_?(images|outputs|samples)|batch_size|(n|max)_images|sequential_image_\w+", re.IGNORECASE
)
"""How servers of this form are told besides `n` how many images to make: limits and budgets count by `n`."""

Token = Annotated[int, Field(ge=0, lt=2**31)]


class EmbeddingBody(OpenBody):
    """What is not named here goes to a provider of OpenAI's protocol as it is."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1, max_length=300, description="As for completions.")
    input: str | list[str] | list[Token] | list[list[Token]] = Field(
        description="A text or several; or lists of the model's own tokens, which Gemini and Ollama do not take."
    )
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None

    def order(self) -> EmbeddingOrder:
        one = isinstance(self.input, str) or isinstance(next(iter(self.input), ""), int)
        inputs: Any = (self.input,) if one else tuple(self.input)
        return EmbeddingOrder(inputs, self.dimensions, _besides(self))


class EmbeddingsAnswer(Shape):
    object: Literal["list"]
    data: list[dict[str, Any]]
    model: str
    usage: dict[str, int | None]


class ImageBody(OpenBody):
    """What is not named here (`background`, `output_format`, `style`, `user`, …) goes to the provider as it is, but for
    null, and what would change where the call goes, with which key, or how many images it makes: that is refused."""

    model_config = ConfigDict(extra="allow")

    prompt: str = Field(min_length=1)
    model: str | None = Field(None, min_length=1, max_length=200, description="As for completions; or a usual one.")
    n: int | None = Field(None, ge=1, le=MOST_AT_ONCE)
    size: Size | None = None
    quality: Quality | None = None
    response_format: Literal["b64_json", "url"] | None = Field(
        None,
        description="`b64_json` where nothing is said; `url` is an address here that asks for the same credential.",
    )
    stream: Literal[False] | None = Field(None, description="Images come whole.")

    def draft(self) -> ImageDraft:
        extra = _besides(self)
        for name in extra:
            if COUNT.fullmatch(name):
                raise Invalid.at(name, f"{name} is not taken here: n says how many images are made.")
        return ImageDraft(
            self.prompt,
            model=self.model,
            size=self.size,
            quality=self.quality,
            n=self.n or 1,
            extra=extra,
            surface="openai",
        )


def _besides(body: OpenBody) -> dict[str, Any]:
    """What a client says that is not named in its shape. Raises Invalid for what would send the call elsewhere, and for
    a number that JSON does not hold."""
    given = {name: value for name, value in (body.model_extra or {}).items() if value is not None}
    refuse_detours(given)
    for name, value in given.items():
        if not _is_finite(value):
            raise Invalid.at(name, f"{name} holds a number that is too large, or none. Give one that JSON can hold.")
    return given


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_finite, within))


class ImagesMadeAnswer(Shape):
    created: int
    data: list[dict[str, Any]]
    usage: dict[str, int] | None = None


class ErrorAnswer(Shape):
    """`error` holds message, type, param and code."""

    error: dict[str, str | None]


class ModelAnswer(Shape):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelPath(Parameters):
    model: str
