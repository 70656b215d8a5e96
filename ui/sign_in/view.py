"""The form that lets a person in, and the one that makes an account."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.components.focus import focus
from ui.components.problem import draw_hint, draw_problem
from ui.components.style import STATIC
from ui.sign_in import actions
from ui.wording import PASSWORD_RULE, USERNAME_RULE

REGISTER = {"register_email": "email", "register_username": "username", "register_password": "password"}


HEADS = {
    "sign_in": ("Sign in to Parley", "Your chats are where you left them."),
    "register": ("Create your account", "All your models in one place, on your own server."),
    "api_key": ("Sign in with an API key", "You may do here what the key may. It stays on the server."),
}


def draw() -> None:
    form = state.page().form
    title, lead = HEADS[form]
    with st.container(key="sign-in-card"):
        st.image(STATIC / "logo.svg", width=48, alt="Parley")
        st.title(title, anchor=False)
        st.markdown(lead)
        with st.form(form, border=False, enter_to_submit=True):
            {"sign_in": _sign_in_fields, "register": _register_fields, "api_key": _key_field}[form]()
        _other_forms(form)


def _sign_in_fields() -> None:
    _field("Email or username", "sign_in_name", "name", autocomplete="username")
    _field("Password", "sign_in_password", "password", autocomplete="current-password", secret=True)
    _whole_form()
    st.form_submit_button("Sign in", type="primary", width="stretch", on_click=actions.sign_in)
    focus(_first("sign_in_name", "name", "sign_in_password"), _errors_word())


def _register_fields() -> None:
    _field("Email", "register_email", "email", autocomplete="email")
    _field("Username", "register_username", "username", autocomplete="username", hint=USERNAME_RULE)
    _field("Password", "register_password", "password", autocomplete="new-password", secret=True, hint=PASSWORD_RULE)
    page = state.page()
    if page.asks_setup_code:
        _field("Set-up code", "register_code", "setup_code", autocomplete="one-time-code")
        st.caption("The first account needs the one-time code that the server printed when it started.")
    _whole_form()
    st.form_submit_button("Create account", type="primary", width="stretch", on_click=actions.register)
    wrong = [key for key, name in REGISTER.items() if name in page.form_errors]
    focus(wrong[0] if wrong else "register_code" if page.asks_setup_code else "register_email", _errors_word())


def _field(label: str, key: str, name: str, *, autocomplete: str, secret: bool = False, hint: str = "") -> None:
    st.text_input(label, key=key, type="password" if secret else "default", autocomplete=autocomplete)
    draw_hint(key, hint, state.page().form_errors.get(name))


def _whole_form() -> None:
    draw_problem("form", state.page().form_errors.get(""))


def _key_field() -> None:
    _field("API key", "sign_in_key", "key", autocomplete="off", secret=True)
    _whole_form()
    st.form_submit_button("Sign in", type="primary", width="stretch", on_click=actions.sign_in_with_key)
    focus("sign_in_key", _errors_word())


def _other_forms(form: state.SignInForm) -> None:
    with st.container(key="other-form", horizontal=True, horizontal_alignment="distribute"):
        if form == "sign_in":
            _other("Create an account", "register")
            _other("Use an API key", "api_key")
        else:
            _other("Sign in with a password" if form == "api_key" else "Sign in instead", "sign_in")


def _other(label: str, form: state.SignInForm) -> None:
    st.button(label, key=f"switch-{form}", type="tertiary", on_click=actions.show, args=(form,))


def _first(first: str, name: str, second: str) -> str:
    """After a refusal the eye and the keyboard go to what must be typed anew."""
    errors = state.page().form_errors
    return second if errors and name not in errors and state.widget(first) else first


def _errors_word() -> str:
    return str(abs(hash(tuple(sorted(state.page().form_errors.items())))))
