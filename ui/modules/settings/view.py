"""Draws the settings: one tab a subject; only the open one asks the API."""

from __future__ import annotations

import datetime as dt
from zoneinfo import available_timezones

import streamlit as st

from ui import state
from ui.api_client import ApiClient, User
from ui.components.focus import focus
from ui.components.frame import head
from ui.components.problem import draw_problem
from ui.modules.settings import actions
from ui.modules.settings.avatar import draw_avatar
from ui.modules.settings.data import draw_data
from ui.modules.settings.keys import draw_keys
from ui.modules.settings.security import draw_security
from ui.modules.settings.slack import draw_slack
from ui.sign_in.current import signed_in_by_key

FIRST_BIRTHDAY = dt.date(1900, 1, 1)


def draw(api: ApiClient) -> None:
    head("Settings", "Your account on this server.")
    profile, preferences, security, keys, slack, data = st.tabs(
        ["Profile", "Preferences", "Security", "API keys", "Slack", "Data"], key="settings_tab", on_change=_turned
    )
    with profile:
        if profile.open:
            user = api.me()
            draw_avatar(api, user)
            _profile(user)
    with preferences:
        if preferences.open:
            _preferences(api, api.me())
    with security:
        if security.open:
            draw_security(api, by_key=signed_in_by_key())
    with keys:
        if keys.open:
            draw_keys(api)
    with slack:
        if slack.open:
            draw_slack(api)
    with data:
        if data.open:
            draw_data(api)


def _turned() -> None:
    state.page().form_errors = {}


def _profile(user: User) -> None:
    with st.form("profile", border=False):
        left, right = st.columns(2)
        with left:
            _line("Name", "profile_name", "full_name", user.full_name, autocomplete="name")
        with right:
            _line("Username", "profile_username", "username", user.username, autocomplete="username")
        st.text_input("Email", user.email, disabled=True, help="The address you sign in with. It cannot be changed.")
        left, right = st.columns(2)
        with left:
            _line("Profession", "profile_profession", "profession", user.profession, autocomplete="organization-title")
        with right:
            st.date_input(
                "Date of birth",
                dt.date.fromisoformat(user.date_of_birth) if user.date_of_birth else None,
                min_value=FIRST_BIRTHDAY,
                max_value="today",
                format="YYYY-MM-DD",
                key="profile_born",
            )
            _wrong("date_of_birth")
        st.text_area("About you", user.bio, key="profile_bio", max_chars=5000, height=120)
        _wrong("bio")
        st.caption(
            "Everybody with an account here can see your name, username, picture and what you write about yourself."
        )
        _wrong("")
        st.form_submit_button("Save profile", type="primary", on_click=actions.save_profile)
    if (changed := state.page().avatars_taken) and not _errors():
        focus(f"avatar-choice-{changed}")  # where one was: the widget is a new one
    else:
        focus("profile_name", _errors())


def _preferences(api: ApiClient, user: User) -> None:
    zones = ["", *sorted(available_timezones())]
    zone = str(user.preferences.get("time_zone") or "")
    models = ["", *(model.id for model in api.models().models)]
    chosen = str(user.preferences.get("default_model") or "")
    if chosen and chosen not in models:
        models.append(chosen)
    with st.form("preferences", border=False):
        st.selectbox(
            "Time zone",
            zones,
            index=zones.index(zone) if zone in zones else 0,
            key="preferences_zone",
            format_func=lambda name: name or "UTC",
            help="Days and months of your usage begin at midnight there.",
        )
        _wrong("time_zone")
        st.selectbox(
            "Model for new chats",
            models,
            index=models.index(chosen) if chosen in models else 0,
            key="preferences_model",
            format_func=lambda name: name or actions.SAME,
            help="Each chat can have another one.",
        )
        _wrong("default_model")
        st.checkbox(
            "Let the model write the titles of my chats",
            user.preferences.get("titles") == "model",
            key="preferences_titles",
        )
        st.caption(
            "After the first answer a short second call gives the chat a title. It counts on your usage, like every "
            "call. Otherwise a chat is called after the first words of your first message."
        )
        _wrong("")
        st.form_submit_button("Save preferences", type="primary", on_click=actions.save_preferences)
    focus("preferences_zone", _errors())
    st.caption("Light or dark is chosen in the account menu, at the foot of the sidebar.")


def _errors() -> str:
    """What was refused draws the eye back to the form's begin."""
    return " ".join(sorted(state.page().form_errors.keys() - {"avatar"}))


def _line(label: str, key: str, name: str, value: str, *, autocomplete: str) -> None:
    st.text_input(label, value, key=key, max_chars=200, autocomplete=autocomplete)
    _wrong(name)


def _wrong(name: str) -> None:
    draw_problem(f"settings-{name or 'form'}", state.page().form_errors.get(name))
