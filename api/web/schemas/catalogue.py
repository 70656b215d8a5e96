"""The catalogue as JSON; it doubles as OpenAI's list of models."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.web.openapi import Parameters
from api.web.shapes import Shape


class PriceStep(Shape):
    """Beyond so many prompt tokens, all tokens of the call cost this instead."""

    prompt_tokens: int
    input: str | None = None
    output: str | None = None
    cached: str | None = None
    cache_write: str | None = None
    reasoning: str | None = None
    thinking: str | None = None


class Prices(Shape):
    """Decimal text, a million tokens. Null: no price of its own, so as `input` or, for reasoning, as `output`."""

    currency: str
    per_tokens: int
    input: str
    output: str | None
    cached: str | None
    cache_write: str | None
    reasoning: str | None
    thinking: str | None = Field(description="Of the whole output, where the model thought first.")
    above: list[PriceStep]
    source: str


class CatalogueEntry(Shape):
    """A model that can be used now. Null is unknown."""

    id: str = Field(description="`provider/name`: what a message takes as `model`.")
    provider: str
    name: str
    title: str
    context_window: int | None
    max_output: int | None
    abilities: list[str] | None = Field(description="Of chat, reasoning, tools, vision, images, embeddings.")
    prices: Prices | None


class ListedProvider(Shape):
    """`error` {code, detail}: why its list, or one of its lists, is not here."""

    provider: str
    title: str
    needs_key: bool
    error: dict[str, str] | None = None


class _Listed(Shape):
    models: list[CatalogueEntry]
    configured_providers: list[ListedProvider]
    missing_providers: list[ListedProvider]
    message: str


class ModelsAnswer(_Listed):
    object: str
    data: list[dict[str, Any]]


class ProviderModelsAnswer(_Listed):
    provider: str


class ProviderPath(Parameters):
    provider: str
