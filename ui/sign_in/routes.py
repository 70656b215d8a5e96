"""Two routes beside Streamlit's own: they set and drop the session's cookie, which no script can.

Streamlit does not guard them, so they do it themselves: JSON only, a header that a foreign form cannot send, and an
Origin that is this very host.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ui.api_client import ApiClient, ApiError
from ui.runtime import sessions, transport
from ui.settings import settings
from ui.sign_in.tickets import tickets

MAX_BODY = 4096


def routes() -> list[Route]:
    return [
        Route("/auth/exchange", exchange, methods=["POST"]),
        Route("/auth/logout", logout, methods=["POST"]),
    ]


async def exchange(request: Request) -> Response:
    """A one-time ticket for the cookie that holds the session's handle."""
    body = await own_json(request)
    handle = tickets.redeem(str(body.get("ticket", ""))) if body is not None else None
    if handle is None:
        return _answer(403)
    response = _answer(200)
    response.set_cookie(
        settings().cookie_name,
        handle,
        max_age=settings().cookie_days * 86_400,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_secure(request),
    )
    return response


async def logout(request: Request) -> Response:
    """Ends the session the cookie names, at the API too, and drops the cookie."""
    if await own_json(request) is None:
        return _answer(403)
    handle = request.cookies.get(settings().cookie_name)
    if handle:
        await run_in_threadpool(end_session, handle)
    response = _answer(200)
    response.delete_cookie(settings().cookie_name, path="/", httponly=True, samesite="lax", secure=_secure(request))
    return response


def end_session(handle: str) -> None:
    """Revokes a session at the API. Raises nothing: one that is over already is what was wanted."""
    try:
        session = sessions().find(handle)
        if not session.by_key:
            ApiClient(transport(), session).logout()
    except ApiError:
        pass
    finally:
        sessions().forget(handle)


async def own_json(request: Request) -> dict[str, object] | None:
    """The JSON object of a call that our own page made; None for anybody else's."""
    origin = urlsplit(request.headers.get("origin", ""))
    if (
        request.headers.get("x-requested-by") != "parley"
        or request.headers.get("content-type", "").split(";")[0].strip() != "application/json"
        or not origin.netloc
        or origin.netloc != request.headers.get("host")
    ):
        return None
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_BODY:
            return None
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _secure(request: Request) -> bool:
    if settings().cookie_secure is not None:
        return bool(settings().cookie_secure)
    return request.url.scheme == "https"


def _answer(status: int) -> Response:
    return JSONResponse({"ok": status == 200}, status_code=status, headers={"Cache-Control": "no-store"})
