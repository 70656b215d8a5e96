"""What the sign-in and register forms do when they are sent, and how a session ends."""

from __future__ import annotations

import re

from ui import state
from ui.api_client import ApiError, Login
from ui.runtime import sessions
from ui.sign_in.current import client, my_client
from ui.sign_in.tickets import tickets
from ui.wording import explain

_KEY = re.compile(r"[!-~]{8,500}")

MISSING = {
    "name": "Enter your email address or username.",
    "email": "Enter your email address.",
    "username": "Choose a username.",
    "password": "Enter a password.",
    "key": "Paste an API key.",
}


def show(form: state.SignInForm) -> None:
    page = state.page()
    page.form = form
    page.form_errors, page.notice = {}, None


def sign_in() -> None:
    name, password = _text("sign_in_name"), str(state.widget("sign_in_password") or "")
    if _missing(name=name, password=password):
        return
    try:
        _enter(client().login(name, password))
    except ApiError as error:
        _tell(error, "Email, username or password is not right. Try again." if error.status == 401 else "")


def sign_in_with_key() -> None:
    """A program's key lets its owner in too, as far as the key's scopes go."""
    key = _text("sign_in_key")
    if _missing(key=key):
        return
    if not _KEY.fullmatch(key):
        state.page().form_errors = {"key": "That does not look like an API key. Paste all of it, and nothing else."}
        return
    try:
        _enter(client().login_with_key(key), by_key=True)
    except ApiError as error:
        if error.status == 401:
            state.page().form_errors = {"key": "This key is not valid. It may have expired or been revoked."}
        else:
            _tell(error)


def register() -> None:
    email, username = _text("register_email"), _text("register_username")
    password, code = str(state.widget("register_password") or ""), _text("register_code")
    _missing(email=email, username=username, password=password)
    missing = state.page().form_errors
    if not (email or username or password):
        return  # else the API is asked all the same: it says what is wrong with the other fields
    api = client()
    try:
        user = api.register(email=email, username=username, password=password, setup_code=code)
        _enter(api.login(email, password))
    except ApiError as error:
        if error.code.startswith("setup_code"):
            state.page().asks_setup_code = True
            state.page().form_errors = {"setup_code": error.detail if code else ""}
            return
        _tell(error)
        state.page().form_errors |= missing
        return
    if user.role == "admin":
        state.page().toast = "Welcome. Yours is the first account here, so it is the administrator's."


def sign_out() -> None:
    """Ends the session at the API first; only then is the browser's cookie dropped."""
    handle = state.page().handle
    try:
        if not sessions().find(handle).by_key:
            my_client().logout()
    except ApiError as error:
        if error.away:
            state.page().notice = state.Notice("You are still signed in: " + explain(error).text)
            return
    leave(handle)


def leave(handle: str) -> None:
    """Nothing of the session stays here; the next run drops the browser's cookie."""
    sessions().forget(handle)
    state.clear()
    state.page().leaving = True


def cookie_set() -> None:
    state.page().ticket = ""


def _enter(login: Login, *, by_key: bool = False) -> None:
    session = sessions().add(login, by_key=by_key)
    unsent = state.page().unsent
    state.clear()
    page = state.page()
    page.handle, page.user_id = session.handle, session.user.id
    if unsent and unsent[0] == page.user_id:
        page.refill = unsent[1]
    page.ticket = tickets.issue(session.handle)


def _missing(**values: str) -> bool:
    page = state.page()
    page.form_errors = {name: MISSING[name] for name, value in values.items() if not value}
    page.notice = None
    return bool(page.form_errors)


def _tell(error: ApiError, words: str = "") -> None:
    """Beside the field where the server named one, above the button otherwise."""
    known = {name: text for name, text in error.fields.items() if name in MISSING}
    state.page().form_errors = known or {"": words or explain(error).text}


def _text(key: str) -> str:
    return str(state.widget(key) or "").strip()
