"""/folders: what the chats are sorted by; /chats/bulk: many chats at once."""

from __future__ import annotations

from flask import Response

from api.services.folders import Order
from api.web.answers import answer, answer_list
from api.web.context import principal, services
from api.web.openapi import Access, Routes
from api.web.schemas.folders import BulkAnswer, BulkOrder, BulkResult, ShelvesAnswer

routes = Routes("folders", "Folders, tags and many chats at once")


@routes.get("/folders", summary="Folders and tags, with their counts", access=Access.READ, returns={200: ShelvesAnswer})
def list_folders() -> Response:
    return answer(services().folders.all(principal()))


@routes.post("/chats/bulk", summary="Change or delete many chats", access=Access.CHAT, returns={200: BulkAnswer})
def change_many(body: BulkOrder) -> Response:
    order = Order(body.action, body.ids, body.folder, body.tags)
    return answer_list(BulkResult, services().folders.bulk(principal(), order))
