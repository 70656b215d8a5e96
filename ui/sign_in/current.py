"""The session of this run: the guard's decision carried out."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, User
from ui.runtime import browser_address, sessions, transport
from ui.settings import settings
from ui.sign_in.guard import decide, digest
from ui.sign_in.sessions import Session


def current_session() -> Session | None:
    """Who this run is for, or None for the sign-in form. Raises ApiError when the API is away."""
    cookie = st.context.cookies.get(settings().cookie_name) or ""
    page = state.page()
    seen_now = digest(cookie)
    decision = decide(seen_now, page.seen_cookie, digest(page.handle))
    if decision.clear:
        state.clear()
        page = state.page()
    page.seen_cookie = seen_now
    handle = page.handle if decision.verdict == "keep" else cookie
    if not handle or digest(handle) == page.refused_cookie:
        return None
    try:
        session = sessions().find(handle)
    except ApiError as error:
        if error.away:
            raise
        session_ended(handle)
        return None
    page.handle, page.user_id = handle, session.user.id
    return session


def session_ended(handle: str) -> None:
    """The API no longer knows this session: forget it, and do not ask again on every run.

    Whoever was at work here is told, and finds the text that could not be sent when they sign in again.
    """
    page = state.page()
    user_id, unsent = page.user_id, page.refill
    sessions().forget(handle)
    state.clear()
    page = state.page()
    page.refused_cookie = digest(handle)
    if user_id:
        page.form_errors = {"": "Your session has ended. Sign in again."}
        page.unsent = (user_id, unsent) if unsent else None


def client(session: Session | None = None) -> ApiClient:
    """The API for this run, in the session's name or in nobody's."""
    address = browser_address(
        st.context.ip_address, st.context.headers.get("X-Forwarded-For"), settings().trusted_proxies
    )
    return ApiClient(transport(), session, address, st.context.headers.get("User-Agent") or "")


def my_client() -> ApiClient:
    """The API in the name of this tab's session, for callbacks. Raises ApiError 401 when there is none (any more)."""
    handle = state.page().handle
    return client(sessions().find(handle) if handle else None)


def this_user() -> User:
    """Who this tab is signed in as. Only where a session is known to be there."""
    return sessions().find(state.page().handle).user


def signed_in_by_key() -> bool:
    """Whether this tab came in with an API key: some things of an account need its password."""
    handle = state.page().handle
    return bool(handle) and sessions().find(handle).by_key
