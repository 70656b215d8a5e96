"""Draws password, open sessions, and the end of the account."""

from __future__ import annotations

import re

import streamlit as st

from ui import state
from ui.api_client import ApiClient, SignedIn
from ui.components.focus import focus
from ui.components.problem import draw_hint, draw_problem
from ui.modules.settings import actions
from ui.render import literal
from ui.wording import PASSWORD_RULE, ago

BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def draw_security(api: ApiClient, *, by_key: bool) -> None:
    if by_key:
        st.info(
            "You are signed in with an API key. Password, sessions and the account itself can be changed only "
            "after signing in with your password.",
            icon=":material/key:",
        )
        return
    _password()
    st.header("Where you are signed in", anchor=False)
    for session in api.sessions():
        _session(session)
    st.button("Sign out everywhere", icon=":material/logout:", on_click=actions.ask_to_sign_out_everywhere)
    _end()


def _password() -> None:
    st.header("Password", anchor=False)
    with st.form("password", border=False):
        left, right = st.columns(2)
        with left:
            _secret("Current password", "password_old", "current_password", "current-password")
        with right:
            _secret("New password", "password_new", "new_password", "new-password", PASSWORD_RULE)
        draw_problem("settings-password", state.page().form_errors.get(""))
        st.form_submit_button("Change password", type="primary", on_click=actions.change_password)
    if not state.page().modal:
        focus("password_old", "security")


def _session(session: SignedIn) -> None:
    with st.container(key=f"line-session-{session.id}", horizontal=True, vertical_alignment="center"):
        when = "this browser" if session.current else f"last used {ago(session.last_used_at)}"
        st.markdown(f"{literal(device(session.device))}  \n:gray[{when}]")
        if not session.current:
            st.button(
                "Sign out",
                key=f"end-{session.id}",
                type="tertiary",
                on_click=actions.end_session,
                args=(session.id,),
            )


def _end() -> None:
    st.header("Delete the account", anchor=False)
    st.markdown("Your chats, prompts, keys and settings are deleted for good. Running replies are stopped first.")
    with st.form("delete-account", border=False):
        _secret("Password", "delete_password", "password", "current-password")
        st.form_submit_button("Delete my account…", on_click=actions.delete_account)


def _secret(label: str, key: str, name: str, autocomplete: str, hint: str = "") -> None:
    st.text_input(label, key=key, type="password", autocomplete=autocomplete)
    draw_hint(f"settings-{key}", hint, state.page().form_errors.get(name))


def device(agent: str) -> str:
    """A browser's long name for itself, as people call it."""
    browser = next((name for mark, name in BROWSERS if f"{mark}/" in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = re.match(r"[\w.-]{1,40}", agent)
    return program.group(0) if program else "A program"
