"""Many chats at once: chosen in the list, then archived, moved, tagged or deleted together."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui import state
from ui.api_client import ApiError, Chat
from ui.components.question import ask
from ui.render import spoken
from ui.sign_in.current import my_client
from ui.wording import explain

MOST = 200  # the API takes no more at once
DOES = {"Pin": "pin", "Unpin": "unpin", "Archive": "archive", "Take out of the archive": "unarchive"}
ENTRIES = ("Move to a folder", "Add tags", *DOES, "Delete")
MENU = "many-menu"


def begin() -> None:
    state.page().picking = True


def end() -> None:
    state.page().picking, state.page().picked = False, []


def draw_bar(chats: list[Chat]) -> None:
    """Over the list: what is done with those that are chosen."""
    picked = state.page().picked = [chat.id for chat in chats if state.widget(_key(chat))][:MOST]
    with st.container(key="many-bar", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.menu_button(
            f"{len(picked)} chosen" if picked else "Choose chats",
            list(ENTRIES),
            key=MENU,
            disabled=not picked,
            on_click=choose,
        )
        st.button("Done", key="many-done", type="tertiary", on_click=end)


def draw_row(chat: Chat) -> None:
    """A box and the words beside it: Streamlit reads a box's own label aloud with the marks that escape it."""
    title = chat.title or "New chat"
    with st.container(key=f"picking-{chat.id}", horizontal=True, wrap=False, gap="xsmall", vertical_alignment="center"):
        st.checkbox(spoken(title), key=_key(chat), label_visibility="collapsed")
        st.text(title)


def choose() -> None:
    page, entry = state.page(), str(state.widget(MENU))
    if entry == "Move to a folder":
        page.dialog = state.Dialog("move", "", "")
    elif entry == "Add tags":
        page.dialog = state.Dialog("tags", "", "")
    elif entry == "Delete":
        many = len(page.picked)
        ask(
            f"Delete {many} chat{'s' if many > 1 else ''}?",
            "They will be deleted with all their messages. **This cannot be undone.**",
            "Delete them",
            partial(change, "delete"),
        )
    elif entry in DOES:
        page.toast = change(DOES[entry])


def change(action: str, **given: object) -> str:
    """What is wrong, or nothing when it is done to all."""
    page = state.page()
    try:
        wrong = my_client().change_many(action, page.picked, **given)
    except ApiError as error:
        return explain(error).text
    if action == "delete" and st.query_params.get("chat") in page.picked:
        st.query_params.clear()
    page.shelves_at = -1e9
    end()
    page.toast = " ".join(wrong) or "Done."
    return ""


def _key(chat: Chat) -> str:
    return f"pick-{chat.id}"
