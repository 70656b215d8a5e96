"""Draws how an Ollama fetches a model. The download is the server's: leaving the page does not end it."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, ModelConfig
from ui.components.problem import draw_problem
from ui.modules.models import actions
from ui.wording import explain

MEGABYTE = 1_000_000


def draw_pulls(api: ApiClient, configs: list[ModelConfig]) -> None:
    """One form for each Ollama: the operator's, and those of configs."""
    places = [("", "")] if not configs else [(config.id, f" to {config.name}") for config in configs]
    for config_id, where in places:
        with (
            st.form(f"pull-{config_id}", border=False),
            st.container(key=f"pull-line-{config_id}", horizontal=True, vertical_alignment="bottom"),
        ):
            st.text_input(f"Fetch a model{where}", key=f"pull_{config_id}", placeholder="llama3.2, qwen3:8b …")
            st.form_submit_button("Fetch", icon=":material/download:", on_click=actions.pull, args=(config_id,))
        if (pulling := state.page().pulling) and pulling[0] == config_id:
            _progress(api, config_id, pulling[1])


def _progress(api: ApiClient, config_id: str, model: str) -> None:
    bar = st.progress(0.0, f"Asking for {model}…")
    try:
        for step in api.pull(model, config_id or None):
            state.beat()
            if step.total:
                size = f"{(step.completed or 0) // MEGABYTE:,} of {step.total // MEGABYTE:,} MB"
                bar.progress(min(1.0, (step.completed or 0) / step.total), f"{model}: {size}")
            else:
                bar.progress(0.0, f"{model}: {step.status}")
    except ApiError as error:
        bar.empty()
        state.page().pulling = None
        draw_problem(f"pull-{config_id}", explain(error).text)
        return
    page = state.page()
    page.pulling, page.catalogue, page.toast = None, None, f"{model} is here and can be chosen."
    st.rerun()
