"""/chats: made, listed, opened, changed, deleted."""

from __future__ import annotations

from flask import Response

from api.services.chats import ChatFilter
from api.web.answers import answer, no_content, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.chats import (
    ChatAnswer,
    ChatChange,
    ChatsAnswer,
    ChatsQuery,
    MessageAnswer,
    NewChat,
    OpenChatAnswer,
)

routes = Routes("chats", "Conversations")


@routes.get("/chats", summary="Chats, newest activity first", access=Access.READ, returns={200: ChatsAnswer})
def list_chats(query: ChatsQuery) -> Response:
    wanted = ChatFilter(query.archived, query.pinned, query.folder, query.tag)
    page = services().chats.page(principal(), query.limit, query.cursor, wanted)
    return answer({"items": [pick(ChatAnswer, chat) for chat in page.items], "next_cursor": page.next_cursor})


@routes.post("/chats", summary="Begin a chat", access=Access.CHAT, returns={201: ChatAnswer})
def create_chat(body: NewChat) -> Response:
    return answer(pick(ChatAnswer, services().chats.create(principal(), body.values())), 201)


@routes.get("/chats/<id>", summary="Open a chat", access=Access.READ, returns={200: OpenChatAnswer})
def open_chat(path: IdPath) -> Response:
    chat, messages = services().chats.open(principal(), path.id)
    return answer(pick(ChatAnswer, chat) | {"messages": [pick(MessageAnswer, one) for one in messages]})


@routes.patch("/chats/<id>", summary="Change a chat", access=Access.CHAT, returns={200: ChatAnswer})
def change_chat(path: IdPath, body: ChatChange) -> Response:
    return answer(pick(ChatAnswer, services().chats.change(principal(), path.id, body.values())))


@routes.delete("/chats/<id>", summary="Delete a chat", access=Access.CHAT, returns={204: None})
def delete_chat(path: IdPath) -> Response:
    services().chats.delete(principal(), path.id)
    return no_content()
