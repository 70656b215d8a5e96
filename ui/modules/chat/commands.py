"""Slash commands in the message box: carried out by the API, their results drawn above the box."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from functools import partial

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Outcome
from ui.components.errand import begin, watch
from ui.components.suggestions import suggestions
from ui.modules.chat.model import model_key
from ui.modules.chat.settings import ask_blanks_of
from ui.modules.images.card import draw_download, draw_picture
from ui.render import label, literal
from ui.sign_in.current import my_client

CHOICE = "command-choice"
AT_ONCE = 2.0  # seconds: what takes longer is waited for beside the page
ENDINGS = {"markdown": "md", "html": "html", "json": "json"}  # of exported chats


def is_command(text: str) -> bool:
    """Whether the API is to read the line first; which commands there are, it knows."""
    return text.lstrip().startswith("/")


def offer(api: ApiClient, models: list[str]) -> None:
    """The suggestions while one types."""
    page = state.page()
    if page.commands is None:
        page.commands = api.commands()
    suggestions(
        [one.plain() for one in page.commands], {"models": models, "prompts": [one.name for one in page.prompts]}
    )


def run(api: ApiClient, draft: state.Draft) -> Outcome | None:
    """None while it takes its time: then the draft is among those that are pending. It is carried out once."""
    if draft.errand is None:
        draft.errand = begin(partial(api.run_command, draft.chat_id, draft.text, key=draft.key))
    wait([draft.errand], AT_ONCE)
    if not draft.errand.done():
        page = state.page()
        page.pending = [*(one for one in page.pending if one is not draft), draft]
        return None
    try:
        return draft.errand.result()
    except ApiError as error:
        draft.errand = None
        if not draft.typed_in and not error.away:
            forget(api, draft.chat_id)
            draft.chat_id = ""
        raise


def carried_out(api: ApiClient, chat_id: str, draft: state.Draft, outcome: Outcome) -> None:
    """Goes where the command leads. A chat that was made only to ask in goes again."""
    page = state.page()
    goes = outcome.chat.id if outcome.chat else draft.chat_id
    if not draft.typed_in and not outcome.begun and (outcome.chat is None or goes != draft.chat_id):
        goes = outcome.chat.id if outcome.chat else ""
        forget(api, draft.chat_id)
    page.result = (goes, outcome) if outcome.shown else None
    page.toast = "" if outcome.shown else outcome.text
    if goes != chat_id and st.query_params.get("chat", "") == chat_id:  # who went elsewhere meanwhile stays there
        st.query_params["chat"] = goes
        if not chat_id:
            page.begun_here = goes
    if outcome.chat and outcome.command in {"prompt", "role"} and ask_blanks_of(api, outcome.chat):
        page.toast = ""  # it would lie over the form, and say the same
    if outcome.chat and outcome.chat.model:
        state.put_widget(model_key(goes), outcome.chat.model)


def forget(api: ApiClient, chat_id: str) -> None:
    with suppress(ApiError):  # it is empty, and nobody asked for it
        api.delete_chat(chat_id)


def draw_pending() -> None:
    """What is still being carried out."""
    pending = state.page().pending
    if not pending:
        st.empty()
        return
    with st.container(key="command-pending"):
        for draft in pending:
            st.markdown(f":material/hourglass_top: **Being carried out** · {label(draft.text, 90)}")
        watch(*(draft.errand for draft in pending if draft.errand is not None))


def draw_result(chat_id: str, choose: Callable[..., None]) -> None:
    """The last command's list, until it is shut or another thing is done. `choose` hears which one of it is taken."""
    page = state.page()
    if page.result is None or page.result[0] != chat_id:
        st.empty()
        return
    outcome = page.result[1]
    with st.container(key="command-result", border=True, gap="small"):
        with st.container(key="command-result-head", horizontal=True, wrap=False, vertical_alignment="center"):
            st.markdown(f"**{literal(outcome.text)}**")
            st.button(
                "Close the list", key="icon-result-close", icon=":material/close:", type="tertiary", on_click=close
            )
        if outcome.items:
            with st.container(key="command-result-list", gap=None):
                _items(outcome, chat_id, choose)
        if outcome.images:
            _images(outcome)
        if outcome.download:
            _download(outcome.download)


def _images(outcome: Outcome) -> None:
    api = my_client()
    with st.container(key="made-images", horizontal=True):
        for picture in outcome.images:
            with st.container(key=f"image-{picture.id}", width=320):
                draw_picture(api, picture)
                draw_download(api, picture)
    st.page_link(state.page().places["images"], label="All images", icon=":material/image:")


def _download(path: str) -> None:
    form = path.rpartition("format=")[2]
    st.download_button(
        "Download",
        data=partial(my_client().offered, path),
        file_name=f"chat.{ENDINGS.get(form, 'txt')}",
        key="command-download",
        icon=":material/download:",
        on_click="ignore",
    )


def _items(outcome: Outcome, chat_id: str, choose: Callable[..., None]) -> None:
    one = next((command for command in state.page().commands or [] if f"{command.name}s" == outcome.command), None)
    if one is not None and one.takes:
        st.pills(
            f"Choose with /{one.name}",
            outcome.items,
            key=CHOICE,
            format_func=literal,
            label_visibility="collapsed",
            on_change=choose,
            args=(chat_id, f"/{one.name}"),
        )
        return
    lines = [item.partition(": ") for item in outcome.items]
    st.markdown("\n".join(f"- `{usage}`" + (f" {literal(about)}" if about else "") for usage, _, about in lines))


def close() -> None:
    state.page().result = None


def chosen(command: str) -> str:
    """The line that stands for what was taken from a list."""
    picked = state.widget(CHOICE)
    return f"{command} {picked}" if picked else ""
