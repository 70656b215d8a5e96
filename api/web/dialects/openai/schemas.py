"""What OpenAI's clients send and read besides completions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.web.openapi import OpenBody, Parameters


class EmbeddingBody(OpenBody):
    """Texts only; lists of tokens mean something to one model alone."""

    model: str = Field(min_length=1, max_length=300, description="As for completions.")
    input: str | list[str]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None


class EmbeddingsAnswer(BaseModel):
    object: Literal["list"]
    data: list[dict[str, Any]]
    model: str
    usage: dict[str, int | None]


class ErrorAnswer(BaseModel):
    """`error` holds message, type, param and code."""

    error: dict[str, str | None]


class ModelAnswer(BaseModel):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelPath(Parameters):
    model: str
