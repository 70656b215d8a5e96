"""/v1/models: every model that this account can use now."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.web.answers import answer
from api.web.context import principal, services
from api.web.openapi import Access, Routes
from api.web.schemas.catalogue import ModelsAnswer, ProviderModelsAnswer, ProviderPath

routes = Routes("catalogue", "Models of all providers")


@routes.get("/v1/models", summary="The catalogue", access=Access.READ, returns={200: ModelsAnswer})
def list_models() -> Response:
    found = services().catalogue.models(principal())
    return answer({"object": "list", "data": [_as_openai(model) for model in found["models"]]} | found)


@routes.get(
    "/v1/providers/<provider>/models",
    summary="One provider's models",
    access=Access.READ,
    returns={200: ProviderModelsAnswer},
)
def list_provider_models(path: ProviderPath) -> Response:
    return answer(services().catalogue.provider_models(principal(), path.provider))


def _as_openai(model: dict[str, Any]) -> dict[str, Any]:
    return {"id": model["id"], "object": "model", "created": 0, "owned_by": model["provider"]}
