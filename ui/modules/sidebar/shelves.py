"""Which chats the sidebar lists: all, those of a folder, of a tag, or the archived ones."""

from __future__ import annotations

import time

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Shelves
from ui.modules.sidebar import many
from ui.render import label
from ui.sign_in.current import my_client
from ui.wording import explain

SECONDS = 60.0
ALL, SEVERAL, ARCHIVED = "All chats", "Choose several chats", "Archived chats"
MENU, TAGS_FIELD = "shelf-menu", "chat_tags"


def kept(api: ApiClient) -> Shelves:
    """Asked for again after a minute, or when something was moved here."""
    page = state.page()
    if page.shelves is None or time.monotonic() - page.shelves_at > SECONDS:
        page.shelves, page.shelves_at = api.shelves(), time.monotonic()
    return page.shelves


def draw_choice(api: ApiClient) -> None:
    page, shelves = state.page(), kept(api)
    kind, name = page.shelf
    entries = [ALL, *(f"Folder: {one}" for one in shelves.folders), *(f"Tag: {one}" for one in shelves.tags)]
    shown = ARCHIVED if page.archive else f"{kind}: {name}" if kind else ALL
    st.menu_button(
        label(shown, 30),
        [*entries, ARCHIVED, SEVERAL],
        key=MENU,
        icon=":material/filter_list:",
        type="tertiary",
        on_click=choose,
    )


def choose() -> None:
    page, entry = state.page(), str(state.widget(MENU))
    if entry == SEVERAL:
        many.begin()
        return
    kind, found, name = entry.partition(": ")
    page.archive, page.shelf, page.shown_chats = entry == ARCHIVED, (kind, name) if found else ("", ""), 30


def filters() -> dict[str, str]:
    """Of the list, as the API takes them."""
    kind, name = state.page().shelf
    return {kind.lower(): name} if kind else {}


def save_tags() -> str:
    """Of one chat all, of many chats some more. What is wrong, or nothing when it is done."""
    dialog, tags = state.page().dialog, list(state.widget(TAGS_FIELD) or [])
    if dialog is None:
        return ""
    if not dialog.chat_id:
        wrong = many.change("tag", tags=tags) if tags else "Choose a tag, or type a new one."
        if not wrong:
            state.page().dialog = None
        return wrong
    try:
        my_client().update_chat(dialog.chat_id, tags=tags)
    except ApiError as error:
        return explain(error).text
    state.page().shelves_at, state.page().dialog = -1e9, None
    return ""
