"""/auth: registering, signing in and out, sessions."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from api.domain.accounts import Session, User
from api.domain.ids import parse_id
from api.services.accounts import NewAccount
from api.web.answers import answer, no_content, pick
from api.web.auth import client_address, from_page, read_refresh_token, sign_in, token_pair
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.accounts import UserAnswer
from api.web.schemas.auth import (
    Refresh,
    Registration,
    Resumption,
    SessionAnswer,
    SessionsAnswer,
    SignIn,
    TokensAnswer,
)

routes = Routes("auth", "Registering, signing in and out, sessions")


@routes.post("/auth/register", summary="Register", access=Access.PUBLIC, returns={201: UserAnswer})
def register(body: Registration) -> Response:
    services().rate_limits.count_address(client_address())
    new = NewAccount(body.email, body.username, body.password, body.full_name)
    g.signed_in = user = services().accounts.register(new, body.setup_code)  # for the audit log
    return answer(pick(UserAnswer, user), 201)


@routes.post("/auth/login", summary="Sign in", access=Access.PUBLIC, returns={200: TokensAnswer})
def login(body: SignIn) -> Response:
    session, user, handle = sign_in(body.identifier, body.password, with_handle=from_page())
    return answer(_tokens(session, user) | ({"handle": handle} if handle else {}))


@routes.post("/auth/refresh", summary="Exchange a refresh token", access=Access.PUBLIC, returns={200: TokensAnswer})
def refresh(body: Refresh) -> Response:
    return answer(_tokens(*services().sessions.refresh(*read_refresh_token(body.refresh_token))))


@routes.post("/auth/resume", summary="Tokens for the page's handle", access=Access.PAGE, returns={200: TokensAnswer})
def resume(body: Resumption) -> Response:
    return answer(_tokens(*services().sessions.resume(body.handle)))


@routes.post("/auth/logout", summary="End this session", access=Access.SESSION, returns={204: None})
def logout() -> Response:
    services().sessions.revoke(principal().user_id, principal().session_id)
    return no_content()


@routes.post("/auth/logout-all", summary="End every session", access=Access.SESSION, returns={204: None})
def logout_all() -> Response:
    services().sessions.revoke_all(principal().user_id)
    return no_content()


@routes.get("/auth/sessions", summary="Own sessions", access=Access.SESSION, returns={200: SessionsAnswer})
def list_sessions() -> Response:
    sessions = services().sessions.list(principal().user_id)
    return answer({"items": [_session(session) for session in sessions]})


@routes.delete("/auth/sessions/<id>", summary="End a session", access=Access.SESSION, returns={204: None})
def end_session(path: IdPath) -> Response:
    services().sessions.revoke(principal().user_id, parse_id(path.id))
    return no_content()


@routes.get("/auth/me", summary="Own account", access=Access.READ, returns={200: UserAnswer})
def me() -> Response:
    return answer(pick(UserAnswer, services().accounts.profile(principal().user_id)))


def _tokens(session: Session, user: User) -> dict[str, Any]:
    return token_pair(session, user) | {"user": pick(UserAnswer, user)}


def _session(session: Session) -> dict[str, Any]:
    shown = {name: getattr(session, name) for name in SessionAnswer.model_fields if name != "current"}
    return shown | {"current": session.id == principal().session_id}
