"""What a person does in the sidebar."""

from __future__ import annotations

from typing import Literal, cast

import streamlit as st

from ui import state
from ui.api_client import ApiError
from ui.sign_in.current import my_client
from ui.wording import explain

RENAME_FIELD = "rename_title"
PAGE = 30


def new_chat() -> None:
    _go("")


def open_chat(chat_id: str) -> None:
    _go(chat_id)


def _go(chat_id: str) -> None:
    """The address names the chat; should another page of ours be open, the run that follows leaves it."""
    if chat_id:
        st.query_params["chat"] = chat_id
    else:
        st.query_params.clear()
    state.page().going, state.page().notice, state.page().editing = chat_id, None, ""


def show_more() -> None:
    state.page().shown_chats += PAGE


def choose(chat_id: str, title: str, key: str) -> None:
    """An entry of a row's menu."""
    choice = state.widget(key)
    if choice in ("Rename", "Delete"):
        kind = cast(Literal["rename", "delete"], str(choice).lower())
        state.page().dialog = state.Dialog(kind, chat_id, title)
        state.put_widget(RENAME_FIELD, title)


def show_shortcuts() -> None:
    state.page().dialog = state.Dialog("shortcuts", "", "")


def close_dialog() -> None:
    state.page().dialog = None


def rename() -> str:
    """What is wrong, or nothing when it is done."""
    dialog = state.page().dialog
    title = " ".join(str(state.widget(RENAME_FIELD) or "").split())
    if dialog is None:
        return ""
    if not title:
        return "Enter a title."
    try:
        my_client().update_chat(dialog.chat_id, title=title)
    except ApiError as error:
        return explain(error).text
    close_dialog()
    return ""


def delete() -> str:
    """What is wrong, or nothing when it is done."""
    dialog = state.page().dialog
    if dialog is None:
        return ""
    try:
        my_client().delete_chat(dialog.chat_id)
    except ApiError as error:
        if error.status != 404:
            return explain(error).text
    if st.query_params.get("chat") == dialog.chat_id:
        st.query_params.clear()
    close_dialog()
    state.page().toast = "Chat deleted."
    return ""
