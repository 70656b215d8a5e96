"""Draws the Models page: what a person has added, and the form to add another."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ModelConfig
from ui.components.frame import head
from ui.components.problem import draw_problem
from ui.modules.models import actions
from ui.render import literal


def draw(api: ApiClient) -> None:
    head("Models", "Bring a key, and its models can be chosen in every chat.")
    configs = api.model_configs()
    if configs:
        st.header("Yours", anchor=False)
        for config in configs:
            _row(config)
    st.header("Add a model", anchor=False)
    _form()


def _row(config: ModelConfig) -> None:
    with st.container(key=f"config-{config.id}", border=True, horizontal=True, vertical_alignment="center"):
        where = config.base_url or config.provider
        default = " · default" if config.is_default else ""
        st.markdown(f"**{literal(config.name)}**  \n{literal(config.model)} · {literal(where)}{default}")
        st.button(
            "Remove",
            key=f"remove-{config.id}",
            icon=":material/delete:",
            on_click=actions.remove,
            args=(config.id,),
        )


def _form() -> None:
    labels = [kind.label for kind in actions.KINDS]
    kind = actions.kind_of(st.radio("Provider", labels, key="model_kind", horizontal=True))
    with st.form("add_model", border=False):
        if kind.asks_url:
            _field("Base URL", "model_url", "base_url", placeholder=kind.url_hint)
        if kind.key != "none":
            label = "API key" if kind.key == "needed" else "API key (if the server asks for one)"
            _field(label, "model_key", "api_key", secret=True)
        _field("Model", "model_model", "model", placeholder=kind.model_hint)
        _field("Name shown in the list (optional)", "model_name", "name")
        st.checkbox("Use it for new chats", key="model_default")
        draw_problem("model-form", state.page().form_errors.get(""))
        st.form_submit_button("Add model", type="primary", on_click=actions.add)


def _field(label: str, key: str, name: str, *, placeholder: str = "", secret: bool = False) -> None:
    st.text_input(
        label,
        key=key,
        placeholder=placeholder,
        type="password" if secret else "default",
        autocomplete="off",
    )
    draw_problem(key, state.page().form_errors.get(name))
