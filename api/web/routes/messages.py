"""/chats/{id}/messages: sent (streamed, awaited, or told to come back) and read."""

from __future__ import annotations

from flask import Response

from api.web import replies
from api.web.answers import answer, pick
from api.web.context import principal, services
from api.web.openapi import EVENT_STREAM, Access, IdPath, Routes
from api.web.schemas.chats import MessageAnswer, MessagesAnswer, MessagesQuery
from api.web.schemas.messages import NewMessage, SentAnswer

routes = Routes("messages", "Messages and their replies")


@routes.post(
    "/chats/<id>/messages",
    summary="Send a message",
    access=Access.CHAT,
    generates=True,
    returns={200: EVENT_STREAM, 201: SentAnswer, 202: SentAnswer},
)
def send_message(path: IdPath, body: NewMessage) -> Response:
    manner = replies.manner_wished()
    sent = services().messages.send(principal(), path.id, replies.draft(body))
    return replies.respond(manner, sent)


@routes.get("/chats/<id>/messages", summary="Earlier messages", access=Access.READ, returns={200: MessagesAnswer})
def list_messages(path: IdPath, query: MessagesQuery) -> Response:
    found, more = services().chats.messages_before(principal(), path.id, query.before, query.limit)
    return answer({"items": [pick(MessageAnswer, one) for one in found], "more": more})
