"""/api/login, /api/models, /api/sessions, /api/roles, /api/chat/completions: what Chat2AnyLLM's clients call."""

from __future__ import annotations

from typing import Any

from flask import Response
from pydantic import BaseModel

from api.domain import clock
from api.domain.errors import Invalid
from api.services.messages import Draft
from api.services.model_configs import Wish
from api.web import replies
from api.web.answers import answer, no_content
from api.web.auth import keep_token, lasting_token, sign_in
from api.web.completions import serving
from api.web.completions.schemas import CompletionAnswer, CompletionBody
from api.web.context import guest, principal, services
from api.web.dialects.chat2anyllm import wire
from api.web.dialects.chat2anyllm.schemas import (
    ClientSignIn,
    HealthAnswer,
    NewRole,
    NewSession,
    ReadyModels,
    RoleAnswer,
    RoleChange,
    SessionEntry,
    SessionLine,
    SessionMessage,
    SignedIn,
)
from api.web.handover import StreamResponse
from api.web.openapi import ERROR_TEXT, EVENT_STREAM, Access, IdPath, Routes
from api.web.request_headers import ONCE
from api.web.sse import CONTENT_TYPE
from api.web.surfaces import Surface

SURFACE = Surface(
    "chat2anyllm",
    "Chat2AnyLLM's API, for clients written for it",
    ("/api/login", "/api/models", "/api/sessions", "/api/roles", "/api/health", "/api/chat/completions"),
    wire.error_form,
)
routes = Routes("chat2anyllm", SURFACE.about, ERROR_TEXT)


def _array(shape: type[BaseModel], about: str) -> dict[str, Any]:
    schema = {"type": "array", "items": shape.model_json_schema()}
    return {"description": about, "content": {"application/json": {"schema": schema}}}


@routes.post("/api/login", summary="Sign in", access=Access.PUBLIC, returns={200: SignedIn})
def sign_client_in(body: ClientSignIn) -> Response:
    session, user, _ = sign_in(body.username, body.password)
    token = lasting_token(session, user)
    return keep_token(answer(wire.signed_in(token, user)), token)


@routes.get("/api/health", summary="Is this process alive?", access=Access.PUBLIC, returns={200: HealthAnswer})
def client_health() -> Response:
    return answer({"status": "OK", "timestamp": clock.now()})


@routes.get("/api/models", summary="Models usable now", access=Access.GUEST, cookie=True, returns={200: ReadyModels})
def list_ready_models() -> Response:
    return answer(wire.models(services().ready_models.usable(guest())))


@routes.post(
    "/api/chat/completions",
    summary="Complete a conversation",
    access=Access.CHAT,
    cookie=True,
    generates=True,
    reads=ONCE,
    returns={200: CompletionAnswer},
)
def complete_for_client(body: CompletionBody) -> Response:
    replies.refuse_if_full()
    return serving.respond(serving.begin(body, SURFACE.name), body, SURFACE.error_form)


@routes.post(
    "/api/chat/completions/stream",
    summary="Complete a conversation as a stream",
    access=Access.CHAT,
    cookie=True,
    generates=True,
    reads=ONCE,
    returns={200: EVENT_STREAM},
)
def stream_completion_for_client(body: CompletionBody) -> Response:
    replies.refuse_if_full()
    streamed = body.model_copy(update={"stream": True})
    return serving.respond(serving.begin(streamed, SURFACE.name), streamed, SURFACE.error_form)


@routes.get(
    "/api/sessions",
    summary="All sessions",
    access=Access.READ,
    returns={200: _array(SessionEntry, "the latest activity first")},
)
def list_client_sessions() -> Response:
    return answer(wire.sessions(services().chats.all(principal())))


@routes.post("/api/sessions", summary="Begin a session", access=Access.CHAT, returns={201: SessionEntry})
def create_client_session(body: NewSession) -> Response:
    return answer(wire.session(services().chats.create(principal(), wire.title_of(body.title))), 201)


@routes.delete("/api/sessions/<id>", summary="Delete a session", access=Access.CHAT, returns={204: None})
def delete_client_session(path: IdPath) -> Response:
    services().chats.delete(principal(), path.id)
    return no_content()


@routes.get(
    "/api/sessions/<id>/messages",
    summary="What was said",
    access=Access.READ,
    returns={200: _array(SessionLine, "oldest first")},
)
def list_session_messages(path: IdPath) -> Response:
    _, said = services().chats.whole(principal(), path.id)
    return answer(wire.messages(said))


@routes.post(
    "/api/sessions/<id>/chat/stream",
    summary="Send a message",
    access=Access.CHAT,
    generates=True,
    reads=ONCE,
    returns={200: EVENT_STREAM},
)
def stream_session_chat(path: IdPath, body: SessionMessage) -> Response:
    replies.refuse_if_full()
    draft = replies.marked(Draft(body.message, wish=Wish(model=body.model), surface=SURFACE.name))
    sent = services().messages.send(principal(), path.id, draft)
    follower = services().generations.follow_new(principal(), sent.generation_id)
    encode = wire.Stream()
    stream = StreamResponse(follower, encode, content_type=CONTENT_TYPE, ping=wire.PING, late=True, apart=True)
    return replies.replayed(sent, stream)


@routes.get("/api/roles", summary="All roles", access=Access.READ, returns={200: _array(RoleAnswer, "by name")})
def list_roles() -> Response:
    return answer(wire.roles(services().prompts.library(principal())))


@routes.post("/api/roles", summary="Add a role", access=Access.CHAT, returns={201: RoleAnswer})
def create_role(body: NewRole) -> Response:
    values = {"name": body.name, "content": body.instructions}
    return answer(wire.role(services().prompts.create(principal(), values)), 201)


@routes.put("/api/roles/<id>", summary="Change a role", access=Access.CHAT, returns={200: RoleAnswer})
def change_role(path: IdPath, body: RoleChange) -> Response:
    if not (values := body.values()):
        services().prompts.get(principal(), path.id)  # an unknown one is told first
        raise Invalid("There is nothing to update: give a name or instructions.")
    return answer(wire.role(services().prompts.change(principal(), path.id, values)))


@routes.delete("/api/roles/<id>", summary="Delete a role", access=Access.CHAT, returns={204: None})
def delete_role(path: IdPath) -> Response:
    services().prompts.delete(principal(), path.id)
    return no_content()
