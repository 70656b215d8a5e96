"""One route beside Streamlit's own: what is typed into the palette is searched without a run of the page.

A run would stand behind a reply that is being written, and would draw everything anew for each letter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ui.api_client import ApiClient, ApiError, Hit
from ui.components.palette import SEARCH_PATH
from ui.runtime import browser_address, sessions, transport
from ui.settings import settings
from ui.sign_in.routes import own_json
from ui.wording import ago, explain

MOST_CHARS = 500
ENDED = "Your session has ended. Reload the page to sign in again."


def search_routes() -> list[Route]:
    return [Route(SEARCH_PATH, search, methods=["POST"])]


async def search(request: Request) -> Response:
    """Hits for the words typed, as plain text. The cookie says whose; a tab of somebody else's gets nothing."""
    body = await own_json(request)
    handle = request.cookies.get(settings().cookie_name)
    if body is None or not handle:
        return _answer(403, {"error": ENDED})
    client = request.client
    address = browser_address(
        client.host if client else None, request.headers.get("X-Forwarded-For"), settings().trusted_proxies
    )
    agent = request.headers.get("User-Agent") or ""
    words, cursor, user = (str(body.get(name) or "") for name in ("q", "cursor", "user"))

    def ask() -> Response:
        session = sessions().find(handle)
        if session.user.id != user:  # somebody else signed in in another tab of this browser
            return _answer(403, {"error": ENDED})
        found = ApiClient(transport(), session, address, agent).search(words[:MOST_CHARS], cursor=cursor)
        items = [told(hit) for hit in found.items]
        return _answer(200, {"items": items, "next": found.next_cursor, "notes": list(found.notes)})

    try:
        return await run_in_threadpool(ask)
    except ApiError as error:
        return _answer(error.status or 503, {"error": ENDED if error.status == 401 else explain(error).text})


def told(hit: Hit) -> dict[str, Any]:
    """A row of the palette: what it opens, whose words they are, and when they were said."""
    who = {"user": "You", "assistant": "Answer"}.get(hit.role, "") if hit.message_id else "Chat"
    return {
        "kind": "message" if hit.message_id else "chat",
        "id": f"{hit.chat_id}/{hit.message_id}/{'' if hit.is_shown else 'aside'}" if hit.message_id else hit.chat_id,
        "title": hit.chat_title or "New chat",
        "what": " · ".join(part for part in (who, ago(hit.at, datetime.now(UTC))) if part),
        "parts": [list(part) for part in hit.parts] if hit.message_id else [],
    }


def _answer(status: int, body: dict[str, Any]) -> Response:
    return JSONResponse(body, status_code=status, headers={"Cache-Control": "no-store"})
