"""Draws the form of one provider: its key or its address, and the rest under Advanced."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ModelConfig, User
from ui.components.focus import focus
from ui.components.number import Span, optional_number
from ui.components.problem import draw_problem
from ui.modules.models import actions
from ui.modules.models.kinds import kind_of
from ui.render import label

KEPT = (
    ":material/lock: Keys are encrypted before they are stored, never shown again, and sent only to the address that "
    "they were saved for."
)


def draw_form(provider: str, title: str, config: ModelConfig | None, user: User) -> None:
    kind = kind_of(provider)
    with st.container(key="model-form", border=True):
        st.subheader(f"Change {label(config.name)}" if config else f"Add {label(title)}", anchor=False)
        st.markdown(kind.about)
        with st.form(f"model-{config.id if config else provider}", border=False):
            if kind.url_hint:
                _line("Address", "model_url", "base_url", config.base_url if config else "", placeholder=kind.url_hint)
            if kind.key != "none":
                _key(config, needed=kind.key == "needed", hint=kind.key_hint)
            _line(
                "Model (optional)",
                "model_model",
                "model",
                config.model if config else "",
                placeholder="the provider's usual one",
            )
            with st.expander("Advanced", icon=":material/tune:"):
                _advanced(config, asks_url=bool(kind.url_hint))
            st.checkbox(
                "Use it for new chats", config.is_default if config else False, key=actions.field("model_default")
            )
            if user.role == "admin":
                st.checkbox(
                    "Share it: everybody with an account here may use it, at the key's cost",
                    config.shared if config else False,
                    key=actions.field("model_shared"),
                )
            draw_problem("model-form", state.page().form_errors.get(""))
            with st.container(key="model-form-steps", horizontal=True):
                st.form_submit_button(
                    "Save" if config else "Add model", type="primary", on_click=actions.save, args=(title,)
                )
                st.form_submit_button("Cancel", on_click=actions.close_form)
        if kind.key != "none":
            st.caption(KEPT)
    first = "model_url" if kind.url_hint else "model_key"
    focus(actions.field(first), f"{provider} {config.id if config else ''} {sorted(state.page().form_errors)}")


def _key(config: ModelConfig | None, *, needed: bool, hint: str) -> None:
    name = "API key" if needed else "API key (if the server asks for one)"
    placeholder = f"{config.masked_key} stays unless you paste another" if config and config.masked_key else hint
    _line(name, "model_key", "api_key", "", placeholder=placeholder, secret=True)


def _advanced(config: ModelConfig | None, *, asks_url: bool) -> None:
    if not asks_url:
        _line(
            "Other address (a proxy or a region)",
            "model_url",
            "base_url",
            config.base_url if config else "",
            placeholder="the provider's own",
        )
    _line("Name in the list", "model_name", "name", config.name if config else "", placeholder="as the provider")
    left, right = st.columns(2)
    with left:
        value = config.temperature if config else None
        optional_number(
            "Temperature", Span(0.0, 2.0, 0.1), value, actions.field("model_temperature"), "the model's own"
        )
        draw_problem("model_temperature", state.page().form_errors.get("temperature"))
    with right:
        longest = config.max_tokens if config else None
        key = actions.field("model_max_tokens")
        optional_number("Longest answer, in tokens", Span(1, 10_000_000), longest, key, "the model's own")
        draw_problem("model_max_tokens", state.page().form_errors.get("max_tokens"))
    st.text_area("System prompt", config.system_prompt if config else "", key=actions.field("model_system"), height=90)
    draw_problem("model_system", state.page().form_errors.get("system_prompt"))


def _line(name: str, key: str, field: str, value: str, *, placeholder: str = "", secret: bool = False) -> None:
    st.text_input(
        name,
        value,
        key=actions.field(key),
        placeholder=placeholder,
        type="password" if secret else "default",
        autocomplete="off",
    )
    draw_problem(key, state.page().form_errors.get(field))
