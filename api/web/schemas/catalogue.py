"""The catalogue as JSON; it doubles as OpenAI's list of models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from api.web.openapi import Parameters


class ModelsAnswer(BaseModel):
    object: str
    data: list[dict[str, Any]]
    models: list[dict[str, Any]]
    configured_providers: list[dict[str, Any]]
    missing_providers: list[dict[str, Any]]
    message: str


class ProviderModelsAnswer(BaseModel):
    provider: str
    models: list[dict[str, Any]]


class ProviderPath(Parameters):
    provider: str
