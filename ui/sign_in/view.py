"""The form that lets a person in, and the one that makes an account."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.components.focus import focus
from ui.components.problem import draw_problem
from ui.components.style import STATIC
from ui.sign_in import actions

REGISTER = {"register_email": "email", "register_username": "username", "register_password": "password"}


def draw() -> None:
    page = state.page()
    registering = page.form == "register"
    with st.container(key="sign-in-card"):
        st.image(STATIC / "logo.svg", width=48, alt="Parley")
        st.title("Create your account" if registering else "Sign in to Parley", anchor=False)
        st.markdown(
            "All your models in one place, on your own server."
            if registering
            else "Your chats are where you left them."
        )
        with st.form("register" if registering else "sign_in", border=False, enter_to_submit=True):
            if registering:
                _register_fields()
            else:
                _sign_in_fields()
        _other_form(registering)


def _sign_in_fields() -> None:
    _field("Email or username", "sign_in_name", "name", autocomplete="username")
    _field("Password", "sign_in_password", "password", autocomplete="current-password", secret=True)
    _whole_form()
    st.form_submit_button("Sign in", type="primary", width="stretch", on_click=actions.sign_in)
    focus(_first("sign_in_name", "name", "sign_in_password"), _errors_word())


def _register_fields() -> None:
    _field("Email", "register_email", "email", autocomplete="email")
    _field("Username", "register_username", "username", autocomplete="username")
    _field("Password", "register_password", "password", autocomplete="new-password", secret=True)
    page = state.page()
    if page.asks_setup_code:
        _field("Setup code", "register_code", "setup_code", autocomplete="one-time-code")
        st.caption("The first account needs the one-time code that the server printed when it started.")
    _whole_form()
    st.form_submit_button("Create account", type="primary", width="stretch", on_click=actions.register)
    wrong = [key for key, name in REGISTER.items() if name in page.form_errors]
    focus(wrong[0] if wrong else "register_code" if page.asks_setup_code else "register_email", _errors_word())


def _field(label: str, key: str, name: str, *, autocomplete: str, secret: bool = False) -> None:
    st.text_input(label, key=key, type="password" if secret else "default", autocomplete=autocomplete)
    draw_problem(key, state.page().form_errors.get(name))


def _whole_form() -> None:
    draw_problem("form", state.page().form_errors.get(""))


def _other_form(registering: bool) -> None:
    with st.container(key="other-form", horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        st.markdown("Have an account?" if registering else "New here?", width="content")
        st.button(
            "Sign in instead" if registering else "Create an account",
            key="switch_form",
            type="tertiary",
            on_click=actions.show,
            args=("sign_in" if registering else "register",),
        )


def _first(first: str, name: str, second: str) -> str:
    """After a refusal the eye and the keyboard go to what must be typed anew."""
    errors = state.page().form_errors
    return second if errors and name not in errors else first


def _errors_word() -> str:
    return str(abs(hash(tuple(sorted(state.page().form_errors.items())))))
