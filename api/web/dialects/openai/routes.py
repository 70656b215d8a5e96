"""/v1: what OpenAI's clients call."""

from __future__ import annotations

from flask import Response

from api.services.completions import CompletionDraft
from api.web import replies
from api.web.answers import answer
from api.web.context import principal, services
from api.web.dialects.openai import requests, wire
from api.web.dialects.openai.schemas import CompletionAnswer, CompletionBody, ErrorAnswer, ModelAnswer, ModelPath
from api.web.handover import StreamResponse
from api.web.openapi import Access, Routes
from api.web.sse import CONTENT_TYPE

PREFIXES = ("/v1/",)
NOT_OURS = "/v1/providers/"
JSON = "application/json"
error_form = wire.error_form
REFUSALS = {
    "description": "an error in OpenAI's form",
    "content": {JSON: {"schema": ErrorAnswer.model_json_schema()}},
}
routes = Routes("openai", "OpenAI's API, for clients written for it", REFUSALS)


@routes.post(
    "/v1/chat/completions",
    summary="Complete a conversation",
    access=Access.CHAT,
    generates=True,
    returns={200: CompletionAnswer},
)
def complete(body: CompletionBody) -> Response:
    replies.refuse_if_full()
    begun = services().completions.begin(principal(), _draft(body))
    follower = services().generations.follow_new(principal(), begun.generation_id)
    if not body.stream:  # the loop waits: it notices a client that leaves, whose call need not be paid for
        return StreamResponse(follower, wire.Completion(begun), content_type=JSON, ping=b"", whole=True, late=True)
    include_usage = bool((body.stream_options or {}).get("include_usage"))
    encode = wire.Chunks(begun, include_usage=include_usage)
    return StreamResponse(follower, encode, content_type=CONTENT_TYPE, ping=wire.PING, late=True)


@routes.get("/v1/models/<path:model>", summary="One model", access=Access.READ, returns={200: ModelAnswer})
def get_model(path: ModelPath) -> Response:
    return answer(wire.model_value(services().catalogue.model(principal(), path.model)))


def _draft(body: CompletionBody) -> CompletionDraft:
    raw = body.given()
    requests.refuse_detours(raw)
    return CompletionDraft(
        model=body.model,
        raw=raw,
        read=lambda: requests.read(raw),
        stream=bool(body.stream),
        size=replies.body_size(),
        surface="openai",
        api_key_id=principal().api_key_id,
    )
