"""/v1: what OpenAI's clients call."""

from __future__ import annotations

from flask import Response, request

from api.domain.errors import Conflict
from api.services.completions import Begun
from api.services.messages import Draft
from api.services.model_configs import Wish
from api.web import replies
from api.web.answers import answer
from api.web.completions import requests, serving
from api.web.completions.schemas import CompletionAnswer, CompletionBody
from api.web.context import principal, services
from api.web.dialects.openai import wire
from api.web.dialects.openai.schemas import (
    EmbeddingBody,
    EmbeddingsAnswer,
    ErrorAnswer,
    ImageBody,
    ImagesMadeAnswer,
    ModelAnswer,
    ModelPath,
)
from api.web.openapi import Access, Routes
from api.web.request_headers import COMPLETING, ONCE
from api.web.surfaces import Surface

JSON = "application/json"
SURFACE = Surface(
    "openai", "OpenAI's API, for clients written for it", ("/v1/",), wire.error_form, besides="/v1/providers/"
)
REFUSALS = {
    "description": "an error in OpenAI's form",
    "content": {JSON: {"schema": ErrorAnswer.model_json_schema()}},
}
routes = Routes("openai", SURFACE.about, REFUSALS)


@routes.post(
    "/v1/chat/completions",
    summary="Complete a conversation",
    access=Access.CHAT,
    generates=True,
    reads=COMPLETING,
    returns={200: CompletionAnswer},
)
def complete(body: CompletionBody) -> Response:
    replies.refuse_if_full()
    begun = _begun(body)
    return replies.replayed(begun, serving.respond(begun, body, SURFACE.error_form))


@routes.get("/v1/models/<path:model>", summary="One model", access=Access.READ, returns={200: ModelAnswer})
def get_model(path: ModelPath) -> Response:
    return answer(wire.model_value(services().catalogue.model(principal(), path.model)))


@routes.post(
    "/v1/embeddings",
    summary="Vectors of texts",
    access=Access.CHAT,
    generates=True,
    reads=ONCE,
    returns={200: EmbeddingsAnswer},
)
def embed(body: EmbeddingBody) -> Response:
    key = replies.call_key(body.model_dump(exclude_none=True))
    found = services().embeddings.embed(principal(), body.model, body.order(), SURFACE.name, key=key)
    return answer(wire.embeddings(found, packed=body.encoding_format == "base64"))


@routes.post(
    "/v1/images/generations",
    summary="Images of words",
    access=Access.CHAT,
    generates=True,
    reads=ONCE,
    returns={200: ImagesMadeAnswer},
)
def make_images(body: ImageBody) -> Response:
    images = services().images
    made = images.make(principal(), body.draft(), replies.call_key(body.model_dump(exclude_none=True)))
    at = body.response_format == "url"
    value = wire.images_at(made, request.url_root.rstrip("/")) if at else wire.images_of(made, images.read)
    return replies.replayed(made, answer(value))


def _begun(body: CompletionBody) -> Begun:
    """The completion: by itself, or as a turn of the chat that the client names."""
    if (chat := request.headers.get("X-Parley-Chat")) is None:
        return serving.begin(body, SURFACE.name)
    turn = requests.read_turn(body.given())
    longest = body.max_completion_tokens or body.max_tokens
    wish = Wish(body.model, temperature=body.temperature, top_p=body.top_p, max_tokens=longest)
    draft = Draft(turn.content, wish=wish, surface=SURFACE.name, opens={}, history=turn.history, system=turn.system)
    sent = services().messages.send(principal(), chat, replies.marked(draft))
    reply = sent.message
    if reply is None:
        raise Conflict("The reply to this Idempotency-Key was deleted; use a new key for a new message.")
    created = int(reply.created_at.timestamp())
    return Begun(sent.generation_id, reply.provider or "", reply.model or "", created, sent.replayed)
