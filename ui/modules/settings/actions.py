"""What a person changes about their account. Each is a callback of a form or a button."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

from ui import state
from ui.api_client import ApiError, User
from ui.components.question import ask
from ui.runtime import sessions
from ui.sign_in.actions import leave
from ui.sign_in.current import my_client
from ui.wording import explain

SCOPES = {
    "Chat": ["chat"],
    "Read only": ["read"],
    "Everything my account may do": ["admin"],
}
LIVES = {"30 days": 30, "90 days": 90, "One year": 365, "No end": 0}
IMPORT_FILE = "import_file"
AVATAR_FILE = "avatar_file"
SAME = "Same as the server's"


def save_profile() -> None:
    born = state.widget("profile_born")
    _save(
        "Profile saved.",
        full_name=_text("profile_name") or None,
        username=_text("profile_username"),
        profession=_text("profile_profession") or None,
        date_of_birth=born.isoformat() if isinstance(born, dt.date) else None,
        bio=_text("profile_bio") or None,
    )


def take_avatar(field: str) -> None:
    chosen = state.widget(field)
    if chosen is None:
        return
    _try(lambda: _keep(my_client().put_avatar(chosen.name, chosen.getvalue())), "Picture saved.", set(), "avatar")
    state.page().avatars_taken += 1  # the field is empty again


def remove_avatar() -> None:
    def work() -> None:
        try:
            my_client().delete_avatar()
        except ApiError as error:
            if error.status != 404:  # it was removed elsewhere
                raise
        _keep(my_client().me())

    _try(work, "Picture removed.", set(), "avatar")
    state.page().avatars_taken += 1


def save_preferences() -> None:
    zone, model = _text("preferences_zone"), _text("preferences_model")
    titles = "model" if state.widget("preferences_titles") else None
    chosen = {"time_zone": zone or None, "default_model": model or None, "titles": titles}
    _save("Preferences saved.", preferences=chosen)
    state.page().catalogue = None


def _save(done: str, **changes: Any) -> None:
    fields = {"full_name", "username", "profession", "date_of_birth", "bio", "time_zone", "default_model"}
    _try(lambda: _keep(my_client().update_me(**changes)), done, fields)


def _keep(user: User) -> None:
    """The account as the API tells it now, for the whole page."""
    sessions().find(state.page().handle).user = user


def change_password() -> None:
    old, new = str(state.widget("password_old") or ""), str(state.widget("password_new") or "")
    missing = {"current_password": "Enter the password you have now."} if not old else {}
    missing |= {"new_password": "Enter the new password."} if not new else {}
    if missing:
        state.page().form_errors = missing
        return
    done = "Password changed. Other devices were signed out."
    if _try(lambda: my_client().change_password(old, new), done, {"current_password", "new_password"}):
        for field in ("password_old", "password_new"):
            state.put_widget(field, "")


def end_session(session_id: str) -> None:
    _try(lambda: my_client().end_session(session_id), "That device was signed out.", set())


def ask_to_sign_out_everywhere() -> None:
    ask(
        "Sign out everywhere?",
        "Every browser and app that is signed in to your account, this one included, will have to sign in again. "
        "API keys stay valid.",
        "Sign out everywhere",
        _sign_out_everywhere,
    )


def _sign_out_everywhere() -> str:
    return _leave(lambda: my_client().end_all_sessions())


def delete_account() -> None:
    password = str(state.widget("delete_password") or "")
    if not password:
        state.page().form_errors = {"password": "Enter your password to delete the account."}
        return
    ask(
        "Delete your account?",
        "Your chats, prompts, keys and settings will be deleted for good. **This cannot be undone.**",
        "Delete my account",
        partial(_delete, password),
    )


def _delete(password: str) -> str:
    return _leave(lambda: my_client().delete_me(password))


def _leave(work: Callable[[], None]) -> str:
    handle = state.page().handle
    try:
        work()
    except ApiError as error:
        return explain(error).text
    leave(handle)
    return ""


def create_key() -> None:
    name = _text("key_name")
    if not name:
        state.page().form_errors = {"name": "Give the key a name, so that you know later what uses it."}
        return
    days = LIVES[str(state.widget("key_life"))]
    fields: dict[str, Any] = {"name": name, "scopes": SCOPES[str(state.widget("key_scope"))]}
    if days:
        fields["expires_at"] = (dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).isoformat(timespec="seconds")

    def work() -> None:
        state.page().new_key = my_client().create_api_key(fields)
        state.put_widget("key_name", "")

    _try(work, "", {"name"})


def hide_key() -> None:
    state.page().new_key = None


def ask_to_revoke(key_id: str, name: str) -> None:
    ask("Revoke this key?", f"Programs that use **{name}** stop working at once.", "Revoke", partial(_revoke, key_id))


def _revoke(key_id: str) -> str:
    try:
        my_client().revoke_api_key(key_id)
    except ApiError as error:
        if error.status != 404:
            return explain(error).text
    if (made := state.page().new_key) and made.id == key_id:
        hide_key()
    return ""


def _try(work: Callable[[], None], done: str, fields: set[str], else_at: str = "") -> bool:
    """What went wrong stands beside its field, or at `else_at`, which is above the form's button."""
    page = state.page()
    page.form_errors, page.notice = {}, None
    try:
        work()
    except ApiError as error:
        page.form_errors = {name: text for name, text in error.fields.items() if name in fields} or {
            else_at: explain(error).text
        }
        return False
    page.toast = done
    return True


def _text(key: str) -> str:
    return str(state.widget(key) or "").strip()


def start_import() -> None:
    page, file = state.page(), state.widget(IMPORT_FILE)
    page.form_errors, page.import_id = {}, ""
    if file is None:
        page.form_errors = {"": "Choose the file first."}
        return
    kind = "application/zip" if file.name.lower().endswith(".zip") else "application/json"
    try:
        page.import_id = my_client().start_import(file, kind).id
    except ApiError as error:
        page.form_errors = {"": explain(error).text}
