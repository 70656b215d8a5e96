"""Messages: sent (streamed, awaited, or told to come back), answered again, read, removed, rated."""

from __future__ import annotations

from flask import Response

from api.web import replies
from api.web.answers import answer, no_content, pick
from api.web.context import principal, services
from api.web.openapi import EVENT_STREAM, Access, IdPath, Routes
from api.web.request_headers import SENDING
from api.web.schemas.chats import MessageAnswer, MessagesAnswer, MessagesQuery
from api.web.schemas.messages import ComparedAnswer, Comparison, EditedMessage, Feedback, NewMessage, SentAnswer, Wished

routes = Routes("messages", "Messages and their replies")


@routes.post(
    "/chats/<id>/messages",
    summary="Send a message",
    access=Access.CHAT,
    generates=True,
    reads=SENDING,
    returns={200: EVENT_STREAM, 201: SentAnswer, 202: SentAnswer},
)
def send_message(path: IdPath, body: NewMessage) -> Response:
    manner = replies.manner_wished()
    sent = services().messages.send(principal(), path.id, replies.draft(body))
    return replies.respond(manner, sent)


@routes.post(
    "/chats/<id>/compare",
    summary="Ask several models at once",
    access=Access.CHAT,
    generates=True,
    reads=SENDING,
    returns={200: EVENT_STREAM, 201: ComparedAnswer, 202: ComparedAnswer},
)
def compare(path: IdPath, body: Comparison) -> Response:
    manner = replies.manner_wished()
    return replies.respond_all(
        manner, services().messages.compare(principal(), path.id, replies.draft(body), body.models)
    )


@routes.patch(
    "/messages/<id>",
    summary="Say it in other words",
    access=Access.CHAT,
    generates=True,
    reads=SENDING,
    returns={200: EVENT_STREAM, 201: SentAnswer, 202: SentAnswer},
)
def edit_message(path: IdPath, body: EditedMessage) -> Response:
    manner = replies.manner_wished()
    return replies.respond(manner, services().messages.edit(principal(), path.id, replies.draft(body)))


@routes.post(
    "/messages/<id>/regenerate",
    summary="Another answer",
    access=Access.CHAT,
    generates=True,
    reads=SENDING,
    returns={200: EVENT_STREAM, 201: SentAnswer, 202: SentAnswer},
)
def regenerate(path: IdPath, body: Wished) -> Response:
    manner = replies.manner_wished()
    return replies.respond(manner, services().messages.regenerate(principal(), path.id, replies.draft(body)))


@routes.post(
    "/messages/<id>/continue",
    summary="Let a reply go on",
    access=Access.CHAT,
    generates=True,
    reads=SENDING,
    returns={200: EVENT_STREAM, 201: SentAnswer, 202: SentAnswer},
)
def continue_message(path: IdPath, body: Wished) -> Response:
    manner = replies.manner_wished()
    return replies.respond(manner, services().messages.go_on(principal(), path.id, replies.draft(body)))


@routes.post(
    "/messages/<id>/execute",
    summary="Answer by a plan",
    access=Access.CHAT,
    generates=True,
    reads=SENDING,
    returns={200: EVENT_STREAM, 201: SentAnswer, 202: SentAnswer},
)
def execute_plan(path: IdPath, body: Wished) -> Response:
    manner = replies.manner_wished()
    return replies.respond(manner, services().messages.execute(principal(), path.id, replies.draft(body)))


@routes.get("/chats/<id>/messages", summary="A part of a branch", access=Access.READ, returns={200: MessagesAnswer})
def list_messages(path: IdPath, query: MessagesQuery) -> Response:
    page = services().chats.messages(principal(), path.id, query.spot(), query.limit)
    items = [pick(MessageAnswer, one) for one in page.items]
    return answer({"items": items, "more": page.more, "more_after": page.more_after})


@routes.delete("/chats/<id>/messages", summary="Clear a chat", access=Access.CHAT, returns={204: None})
def clear_chat(path: IdPath) -> Response:
    services().tree.clear(principal(), path.id)
    return no_content()


@routes.delete("/messages/<id>", summary="Delete what begins here", access=Access.CHAT, returns={204: None})
def delete_message(path: IdPath) -> Response:
    services().tree.delete(principal(), path.id)
    return no_content()


@routes.post("/messages/<id>/feedback", summary="Rate a reply", access=Access.CHAT, returns={200: MessageAnswer})
def rate_message(path: IdPath, body: Feedback) -> Response:
    message = services().tree.rate(principal(), path.id, body.rating, body.comment)
    return answer(pick(MessageAnswer, message))
