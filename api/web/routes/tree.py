"""A chat's branches: which one is shown, and copies of them."""

from __future__ import annotations

from flask import Response

from api.web.answers import answer, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.chats import ChatAnswer
from api.web.schemas.messages import Fork, ShownBranch

routes = Routes("tree", "Branches of conversations")


@routes.put("/chats/<id>/head", summary="Choose the branch shown", access=Access.CHAT, returns={200: ChatAnswer})
def show_branch(path: IdPath, body: ShownBranch) -> Response:
    chat = services().tree.show(principal(), path.id, body.message_id, body.expected_head_id)
    return answer(pick(ChatAnswer, chat))


@routes.post("/chats/<id>/fork", summary="Copy a branch to a new chat", access=Access.CHAT, returns={201: ChatAnswer})
def fork_chat(path: IdPath, body: Fork) -> Response:
    chat = services().tree.fork(principal(), path.id, body.message_id, body.title)
    return answer(pick(ChatAnswer, chat), 201)
