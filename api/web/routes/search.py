"""/search: one's own chats and messages."""

from __future__ import annotations

from flask import Response

from api.web.answers import answer
from api.web.context import principal, services
from api.web.openapi import Access, Routes
from api.web.schemas.search import HitsAnswer, SearchQuery

routes = Routes("search", "Search")


@routes.get("/search", summary="Search titles and messages", access=Access.READ, returns={200: HitsAnswer})
def search(query: SearchQuery) -> Response:
    return answer(services().search.search(principal(), query.q, query.limit, query.cursor))
