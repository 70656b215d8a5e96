"""/providers/ollama/pull: an admin lets an Ollama fetch a model and sees how far it is."""

from __future__ import annotations

from flask import Response

from api.web import replies
from api.web.context import principal, services
from api.web.openapi import EVENT_STREAM, Access, Routes
from api.web.schemas.pulls import NewPull

routes = Routes("pulls", "Models that an Ollama fetches")


@routes.post(
    "/providers/ollama/pull",
    summary="Fetch a model: events `progress`, then `finished` or `error`",
    access=Access.ADMIN,
    returns={200: EVENT_STREAM},
)
def pull_model(body: NewPull) -> Response:
    replies.refuse_if_full()
    return replies.stream(services().pulls.pull(principal(), body.model, body.model_config_id))
