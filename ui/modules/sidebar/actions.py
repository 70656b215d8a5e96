"""What a person does in the sidebar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ui import state
from ui.api_client import ApiError, Chat
from ui.components.palette import chosen
from ui.modules.sidebar import many
from ui.modules.sidebar.shelves import TAGS_FIELD
from ui.sign_in.current import my_client
from ui.wording import explain

RENAME_FIELD, FOLDER_FIELD = "rename_title", "move_folder"
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
    page = state.page()
    page.going, page.notice, page.editing, page.jump = chat_id, None, "", ("", "")


def open_message(chat_id: str, message_id: str, *, aside: bool) -> None:
    """The chat at that message; `aside` is one on a branch that is not shown now."""
    if aside:
        try:
            my_client().show_branch(chat_id, message_id)
        except ApiError as error:
            state.page().toast = explain(error).text
            return
    open_chat(chat_id)
    state.page().jump, state.page().earlier = (chat_id, message_id), ("", 0)


def go_or_do() -> None:
    """What was taken of the palette."""
    kind, name = chosen()
    if kind == "chat":
        open_chat(name)
    elif kind == "message":
        chat_id, message_id, aside = (name + "//").split("/")[:3]
        open_message(chat_id, message_id, aside=bool(aside))
    elif kind == "place":
        state.page().visit = name
    elif kind == "do":
        next(act for key, _, act in DOINGS if key == name)()


def show_more() -> None:
    state.page().shown_chats += PAGE


def entries(chat: Chat) -> list[str]:
    """What a row's menu offers."""
    pin = "Unpin" if chat.pinned else "Pin"
    return [
        "Rename",
        pin,
        "Move to a folder",
        "Tags",
        "Take out of the archive" if chat.archived else "Archive",
        "Export",
        "Delete",
    ]


def choose(chat: Chat, key: str) -> None:
    """An entry of a row's menu."""
    choice, title = state.widget(key), chat.title or "New chat"
    match choice:
        case "Rename":
            state.page().dialog = state.Dialog("rename", chat.id, title)
            state.put_widget(RENAME_FIELD, title)
        case "Move to a folder":
            state.page().dialog = state.Dialog("move", chat.id, title)
            state.put_widget(FOLDER_FIELD, chat.folder or None)
        case "Tags":
            state.page().dialog = state.Dialog("tags", chat.id, title)
            state.put_widget(TAGS_FIELD, list(chat.tags))
        case "Delete":
            state.page().dialog = state.Dialog("delete", chat.id, title)
        case "Export":
            state.page().dialog = state.Dialog("export", chat.id, title)
        case "Pin" | "Unpin":
            _change(chat, pinned=choice == "Pin")
        case "Archive":
            if _change(chat, archived=True):
                state.page().toast = "Archived. It is over the list, under Archived chats."
        case "Take out of the archive":
            _change(chat, archived=False)


def _change(chat: Chat, **fields: Any) -> bool:
    try:
        my_client().update_chat(chat.id, **fields)
    except ApiError as error:
        state.page().toast = explain(error).text
        return False
    return True


def show_archive(shown: bool) -> None:
    page = state.page()
    page.archive, page.shown_chats, page.shelf = shown, PAGE, ("", "")


def move() -> str:
    """What is wrong, or nothing when it is done."""
    dialog = state.page().dialog
    folder = " ".join(str(state.widget(FOLDER_FIELD) or "").split())
    if dialog is None:
        return ""
    wrong = _moved(dialog.chat_id, folder) if dialog.chat_id else many.change("move", folder=folder or None)
    if not wrong:
        close_dialog()
    return wrong


def _moved(chat_id: str, folder: str) -> str:
    try:
        my_client().update_chat(chat_id, folder=folder or None)
    except ApiError as error:
        return explain(error).text
    state.page().shelves_at = -1e9
    return ""


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


DOINGS: tuple[tuple[str, str, Callable[[], None]], ...] = (
    ("new", "New chat", new_chat),
    ("archive", "Archived chats", lambda: show_archive(True)),
    ("shortcuts", "Keyboard shortcuts", show_shortcuts),
)
"""What the palette can do, by name."""
