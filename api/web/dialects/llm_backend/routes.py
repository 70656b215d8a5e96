"""/api/users, /api/conversations and /api/chat: what llm-backend-api's clients call."""

from __future__ import annotations

from flask import Response, g

from api.services.accounts import NewAccount
from api.services.messages import Draft
from api.web import replies
from api.web.answers import answer
from api.web.auth import client_address, lasting_token, sign_in
from api.web.context import principal, services
from api.web.dialects.llm_backend import wire
from api.web.dialects.llm_backend.schemas import (
    BackendSignIn,
    ConversationAnswer,
    ConversationEntry,
    ConversationHistory,
    ConversationMessage,
    ConversationPath,
    DoneAnswer,
    NewBackendUser,
    NewConversation,
    TokenAnswer,
)
from api.web.handover import StreamResponse
from api.web.openapi import ERROR_TEXT, EVENT_STREAM, Access, Routes
from api.web.request_headers import ONCE
from api.web.sse import CONTENT_TYPE
from api.web.surfaces import Surface

SURFACE = Surface(
    "llm_backend",
    "llm-backend-api's API, for clients written for it",
    ("/api/users", "/api/conversations", "/api/chat"),
    wire.error_form,
)
LIST = {
    "description": "newest first",
    "content": {"application/json": {"schema": {"type": "array", "items": ConversationEntry.model_json_schema()}}},
}
routes = Routes("llm-backend", SURFACE.about, ERROR_TEXT)


@routes.post("/api/users/register", summary="Register", access=Access.PUBLIC, returns={201: DoneAnswer})
def register_user(body: NewBackendUser) -> Response:
    services().rate_limits.count_address(client_address())
    new = NewAccount(None, body.username, body.password)
    g.signed_in = services().accounts.register(new, body.setup_code)  # for the audit log
    return answer({"message": "User registered successfully"}, 201)


@routes.post("/api/users/login", summary="Sign in", access=Access.PUBLIC, returns={200: TokenAnswer})
def login_user(body: BackendSignIn) -> Response:
    session, user, _ = sign_in(body.username, body.password)
    return answer({"token": lasting_token(session, user)})


@routes.post(
    "/api/conversations/create", summary="Begin a conversation", access=Access.CHAT, returns={200: ConversationAnswer}
)
def create_conversation(body: NewConversation) -> Response:
    config = services().provider_configs.for_key(principal(), body.model, body.api_key) if body.api_key else None
    values = {"title": body.title, "model": config.model if config else body.model}
    chat = services().chats.create(principal(), values | ({"model_config_id": config.id} if config else {}))
    return answer(wire.created(chat, config))


@routes.get("/api/conversations/list", summary="All conversations", access=Access.READ, returns={200: LIST})
def list_conversations() -> Response:
    return answer([wire.listed(chat) for chat in services().chats.all(principal())])


@routes.get(
    "/api/conversations/history/<id>", summary="What was said", access=Access.READ, returns={200: ConversationHistory}
)
def conversation_history(path: ConversationPath) -> Response:
    return answer(wire.history(*services().chats.whole(principal(), wire.number_of(path.id))))


@routes.post(
    "/api/conversations/del/<id>", summary="Delete a conversation", access=Access.CHAT, returns={200: DoneAnswer}
)
def delete_conversation(path: ConversationPath) -> Response:
    services().chats.delete(principal(), wire.number_of(path.id))
    return answer({"message": "Conversation deleted successfully"})


@routes.post(
    "/api/chat/<id>",
    summary="Send a message",
    access=Access.CHAT,
    generates=True,
    reads=ONCE,
    strict_slashes=False,  # its clients call it with a slash at the end too, and follow no redirect
    returns={200: EVENT_STREAM},
)
def stream_chat(path: ConversationPath, body: ConversationMessage) -> Response:
    replies.refuse_if_full()
    draft = replies.marked(Draft(body.message, surface=SURFACE.name))
    sent = services().messages.send(principal(), wire.number_of(path.id), draft)
    follower = services().generations.follow_new(principal(), sent.generation_id)
    stream = StreamResponse(follower, wire.Stream(), content_type=CONTENT_TYPE, ping=wire.PING, late=True)
    return replies.replayed(sent, stream)
