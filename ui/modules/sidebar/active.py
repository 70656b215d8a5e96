"""The active prompt, which every model is told: in the sidebar one click from being changed, edited or cleared."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Prompt
from ui.components.focus import focus
from ui.components.problem import draw_problem
from ui.modules.sidebar.actions import close_dialog
from ui.render import label
from ui.sign_in.current import my_client
from ui.wording import explain

KEPT_SECONDS = 60.0
NO_PROMPT = Prompt("", "", "")


def draw_active(api: ApiClient) -> None:
    page = state.page()
    if page.active_prompt is None or time.monotonic() - page.active_prompt_at > KEPT_SECONDS:
        page.prompts = api.prompts()
        found = next((prompt for prompt in page.prompts if prompt.is_active), None)
        page.active_prompt, page.active_prompt_at = found or NO_PROMPT, time.monotonic()
    active = page.active_prompt
    if not active.id:
        return
    with st.container(key="active-prompt", horizontal=True, wrap=False, gap=None, vertical_alignment="center"):
        st.button(
            label(active.name, 28),
            key="active-prompt-open",
            icon=":material/person_play:",
            type="tertiary",
            width="stretch",
            on_click=open_dialog,
            args=(active.id,),
        )
        st.button(
            "Stop using this prompt",
            key="icon-prompt-clear",
            icon=":material/close:",
            type="tertiary",
            on_click=clear,
            args=(active.id,),
        )


@st.dialog("The active prompt", on_dismiss=close_dialog)
def draw_dialog(opened: str) -> None:
    """Another one is followed as soon as it is chosen, new words when they are saved."""
    prompt = state.page().changed_prompt
    if prompt is None:
        return
    wrong = _choice(prompt)
    st.caption("Every chat follows it that has no prompt of its own.")
    wrong = (_form(prompt, opened) if prompt.own else _text(prompt, opened)) or wrong
    if wrong:
        draw_problem("active", wrong)


def _choice(prompt: Prompt) -> str:
    names = {one.id: one.name for one in state.page().prompts} | {prompt.id: prompt.name}
    ids = list(names)
    key = f"active-choice-{prompt.id}"
    chosen = st.selectbox("Prompt or role", ids, index=ids.index(prompt.id), key=key, format_func=names.__getitem__)
    return "" if chosen == prompt.id else _try(lambda: activate(chosen))


def _form(prompt: Prompt, opened: str) -> str:
    key = f"active-words-{prompt.id}"
    with st.form(f"active-{prompt.id}", border=False):
        words = st.text_area("What the model is told", prompt.content, key=key, height=220)
        with st.container(key="dialog-steps-active", horizontal=True):
            saved = st.form_submit_button("Save", type="primary")
            cancelled = st.form_submit_button("Cancel")
    focus(key, f"{opened} {prompt.id}")
    if cancelled and not saved:
        close_dialog()
        st.rerun()
    return _try(lambda: save(prompt, words or "")) if saved else ""


def _text(prompt: Prompt, opened: str) -> str:
    with st.container(key="active-text", height=220):
        st.text(prompt.content)
    whose = "comes with Parley" if prompt.built_in else "belongs to somebody who shares it with everybody here"
    st.markdown(f"This prompt {whose}, so you cannot change it. You can change a copy of your own.")
    with st.container(key="dialog-steps-active", horizontal=True):
        wanted = st.button("Use a copy of my own", key="active-copy", type="primary")
        closed = st.button("Close", key="active-close")
    focus("active-copy", f"{opened} {prompt.id}")
    if closed:
        close_dialog()
        st.rerun()
    return _try(lambda: activate(my_client().copy_prompt(prompt).id)) if wanted else ""


def open_dialog(prompt_id: str) -> None:
    """With its words as they are now; the sidebar's may be a minute old."""
    page = state.page()
    try:
        page.changed_prompt = my_client().prompt(prompt_id)
    except ApiError as error:
        page.toast, page.active_prompt = explain(error).text, None
        return
    page.dialog = state.Dialog("active", "", "")


def activate(prompt_id: str) -> None:
    """The dialog goes on with it."""
    my_client().activate_prompt(prompt_id)
    state.page().changed_prompt = my_client().prompt(prompt_id)


def save(prompt: Prompt, words: str) -> None:
    if not words.strip():
        raise ApiError(422, "invalid_request", "Write what the model is told.")
    my_client().update_prompt(prompt.id, {"content": words, "version": prompt.version})
    state.page().toast = "Saved as a new version."
    close_dialog()


def clear(prompt_id: str) -> None:
    page = state.page()
    try:
        my_client().deactivate_prompt(prompt_id)
    except ApiError as error:
        page.toast = explain(error).text
    page.active_prompt = None


def _try(work: Callable[[], None]) -> str:
    """What is wrong; where nothing is, the whole page is drawn anew."""
    wrong = ""
    try:
        work()
    except ApiError as error:
        wrong = error.fields.get("content") or explain(error).text
    if not wrong:
        state.page().active_prompt = None
        st.rerun()
    return wrong
