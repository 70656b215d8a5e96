"""/generations: look at a reply, follow it from any number on, stop it."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.domain.generations import Generation
from api.domain.money import in_dollars
from api.web import replies
from api.web.answers import answer, pick
from api.web.context import principal, services
from api.web.openapi import EVENT_STREAM, Access, IdPath, Routes
from api.web.request_headers import RESUMING
from api.web.schemas.messages import EventsQuery, GenerationAnswer

routes = Routes("generations", "Replies while they run, and after")


@routes.get("/generations/<id>", summary="A reply's state", access=Access.READ, returns={200: GenerationAnswer})
def get_generation(path: IdPath) -> Response:
    return answer(_shown(services().generations.get(principal(), path.id)))


@routes.get(
    "/generations/<id>/events",
    summary="Follow a reply",
    access=Access.READ,
    reads=RESUMING,
    returns={200: EVENT_STREAM},
)
def follow_generation(path: IdPath, query: EventsQuery) -> Response:
    replies.refuse_if_full()
    return replies.resumed(path.id, query.after)


@routes.post("/generations/<id>/stop", summary="Stop a reply", access=Access.CHAT, returns={200: GenerationAnswer})
def stop_generation(path: IdPath) -> Response:
    services().generations.stop_reply(principal(), path.id)
    return answer(_shown(services().generations.get(principal(), path.id)))


def _shown(generation: Generation) -> dict[str, Any]:
    return pick(GenerationAnswer, generation) | {"cost": in_dollars(generation.cost)}
