"""Draws the open chat: what was said, the reply that is being written, and the composer."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Model, OpenChat
from ui.components.focus import focus, to_end
from ui.components.problem import draw_problem
from ui.modules.chat import actions
from ui.modules.chat.message import draw_message
from ui.modules.chat.running import draw_running

EXAMPLES = (
    (":material/code:", "Write a Python function that retries a call, waiting longer each time"),
    (":material/table_chart:", "Compare SQLite and PostgreSQL for a small team, in a table"),
    (":material/mail:", "Draft a friendly reminder for an invoice that is two weeks late"),
    (":material/school:", "Explain public-key encryption to someone who is good at maths"),
)


def draw(api: ApiClient) -> None:
    chat_id = st.query_params.get("chat", "")
    opened = _open(api, chat_id)
    if chat_id and opened is None:
        return
    if opened and opened.chat.title:
        st.set_page_config(page_title=f"{opened.chat.title} · Parley")
    running = opened.chat.active_generation_id if opened else None
    _composer(api, opened, running)
    if opened is None or not opened.messages:
        _welcome(chat_id)
        return
    messages = opened.messages
    if running and messages[-1].role == "assistant":
        messages = messages[:-1]
    with st.container(key="conversation", gap="medium"):
        for index, message in enumerate(messages):
            question = messages[index - 1].content if index else ""
            draw_message(message, question, last=index == len(messages) - 1 and not running)
        if running:
            to_end(running)
            draw_running(api, running, opened.messages[-1])
        else:
            to_end(f"{messages[-1].id} ended", gently=True)


def _open(api: ApiClient, chat_id: str) -> OpenChat | None:
    if not chat_id:
        return None
    try:
        return api.chat(chat_id)
    except ApiError as error:
        if error.status not in {404, 422}:
            raise
    with st.container(key="gone"):
        st.subheader("This chat is not there", anchor=False)
        st.markdown("It may have been deleted, or the address is not quite right.")
        st.button("Start a new chat", type="primary", on_click=st.query_params.clear)
    return None


def _composer(api: ApiClient, opened: OpenChat | None, running: str | None) -> None:
    page = state.page()
    chat_id = opened.chat.id if opened else ""
    if page.refill is not None:
        state.put_widget(state.COMPOSER, page.refill)
        page.refill = None
    with st.bottom:
        if page.notice:
            draw_problem("notice", page.notice.text)
    # Called in the page's main part, Streamlit itself puts the input at the bottom and lets the page follow the text.
    st.chat_input(
        "Reply" if opened else "Ask anything",
        key=state.COMPOSER,
        max_chars=100_000,
        on_submit=actions.submit,
        args=(chat_id,),
    )
    with st.bottom, st.container(key="composer-bar", horizontal=True, wrap=False, vertical_alignment="center"):
        _model_choice(api, opened)
        if running:
            st.button("Stop", key="stop", icon=":material/stop_circle:", on_click=actions.stop, args=(running,))
        else:
            st.caption("Enter sends · Shift+Enter starts a line", width="content")
    if not running and page.dialog is None:
        focus(state.COMPOSER, chat_id or "new")


def _model_choice(api: ApiClient, opened: OpenChat | None) -> None:
    models = {model.id: model for model in actions.catalogue(api).models}
    chat_id = opened.chat.id if opened else ""
    key = actions.model_key(chat_id)
    chosen = (opened.chat.model if opened else None) or state.page().model
    options = list(models)
    if chosen and chosen not in models:
        options.insert(0, chosen)
    if not options:
        st.page_link(state.page().models_page, label="No model yet: add one", icon=":material/add:")
        return
    st.selectbox(
        "Model",
        options,
        index=options.index(chosen) if chosen in options else 0,
        key=key,
        format_func=lambda name: _model_name(models.get(name), name),
        label_visibility="collapsed",
        on_change=actions.choose_model,
        args=(chat_id,),
    )


def _model_name(model: Model | None, name: str) -> str:
    if model is None:
        return name
    parts = [model.name]
    if model.provider and model.provider.lower() not in model.name.lower():
        parts.append(model.provider)
    if model.context_window:
        parts.append(f"{model.context_window // 1000}k")
    return " · ".join(parts)


def _welcome(chat_id: str) -> None:
    with st.container(key="welcome"):
        st.title("What can I help with?", anchor=False)
        st.markdown("Ask below, or start from one of these.")
        with st.container(key="examples"):
            for number, (icon, text) in enumerate(EXAMPLES):
                st.button(
                    text,
                    key=f"example-{number}",
                    icon=icon,
                    width="stretch",
                    on_click=actions.send,
                    args=(chat_id, text),
                )
