"""What OpenAI's clients send and read besides completions."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from api.domain.embeddings import EmbeddingOrder
from api.domain.images import MOST_AT_ONCE
from api.services.images import ImageDraft
from api.web.openapi import OpenBody, Parameters
from api.web.schemas.images import Quality, Size
from api.web.shapes import Shape

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
        extra = {name: value for name, value in (self.model_extra or {}).items() if value is not None}
        return EmbeddingOrder(inputs, self.dimensions, extra)


class EmbeddingsAnswer(Shape):
    object: Literal["list"]
    data: list[dict[str, Any]]
    model: str
    usage: dict[str, int | None]


class ImageBody(OpenBody):
    """`background`, `moderation`, `output_compression`, `output_format` and `style` go to the provider as they are."""

    PASSED_ON: ClassVar = ("background", "moderation", "output_compression", "output_format", "style")

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
    background: Literal["transparent", "opaque", "auto"] | None = None
    moderation: Literal["low", "auto"] | None = None
    output_compression: int | None = Field(None, ge=0, le=100)
    output_format: Literal["png", "jpeg", "webp"] | None = None
    style: Literal["vivid", "natural"] | None = None

    def draft(self) -> ImageDraft:
        extra = {name: value for name in self.PASSED_ON if (value := getattr(self, name)) is not None}
        return ImageDraft(
            self.prompt,
            model=self.model,
            size=self.size,
            quality=self.quality,
            n=self.n or 1,
            extra=extra,
            surface="openai",
        )


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
