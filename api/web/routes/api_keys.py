"""/api-keys: keys for programs."""

from __future__ import annotations

from flask import Response

from api.domain.ids import parse_id
from api.web.answers import answer, answer_list, no_content, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.api_keys import ApiKeyAnswer, ApiKeysAnswer, NewApiKey, NewApiKeyAnswer

routes = Routes("api-keys", "Keys for programs")


@routes.get("/api-keys", summary="Own API keys", access=Access.ACCOUNT, returns={200: ApiKeysAnswer})
def list_api_keys() -> Response:
    return answer_list(ApiKeyAnswer, services().api_keys.list(principal().user_id))


@routes.post("/api-keys", summary="Make an API key", access=Access.ACCOUNT, returns={201: NewApiKeyAnswer})
def create_api_key(body: NewApiKey) -> Response:
    key, text = services().api_keys.create(principal(), body.name, body.scopes, body.expires_at)
    return answer(pick(ApiKeyAnswer, key) | {"key": text}, 201)


@routes.delete("/api-keys/<id>", summary="Revoke an API key", access=Access.ACCOUNT, returns={204: None})
def revoke_api_key(path: IdPath) -> Response:
    services().api_keys.revoke(principal().user_id, parse_id(path.id))
    return no_content()
