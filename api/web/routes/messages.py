"""POST /chats/{id}/messages: streamed, awaited, or told to come back."""

from __future__ import annotations

from flask import Response

from api.web import replies
from api.web.context import principal, services
from api.web.openapi import EVENT_STREAM, Access, IdPath, Routes
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
