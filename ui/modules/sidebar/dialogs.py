"""The sidebar's dialogs. They stay open until they are dismissed, whatever reruns the page meanwhile."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui import state
from ui.components.focus import focus
from ui.components.problem import draw_problem
from ui.modules.sidebar import actions, active, shelves
from ui.render import file_name, literal
from ui.sign_in.current import my_client

SHORTCUTS = (
    ("Search messages, find a chat or a page, do something", "Ctrl K"),
    ("New chat", "Ctrl Shift O"),
    ("Send the message", "Enter"),
    ("Start a line in the message", "Shift Enter"),
    ("Offer commands", "/"),
    ("Stop the reply, from the message box", "Esc"),
    ("Close a dialog or a menu", "Esc"),
    ("Next and previous control", "Tab"),
)
FORMATS = {
    "Web page": ("html", "html", "text/html", "To read and print. It loads nothing and runs nothing."),
    "Markdown": ("markdown", "md", "text/markdown", "The conversation that is shown, as text."),
    "JSON": ("json", "json", "application/json", "Everything, with all branches; it can be imported again."),
}


def draw_dialog() -> None:
    dialog = state.page().dialog
    if dialog is None:
        return
    if dialog.kind == "rename":
        _rename(dialog.id)
    elif dialog.kind == "move":
        _move(dialog.id)
    elif dialog.kind == "export":
        _export(dialog.id, dialog.chat_id, dialog.title)
    elif dialog.kind == "tags":
        _tags(dialog.id)
    elif dialog.kind == "active":
        active.draw_dialog(dialog.id)
    elif dialog.kind == "shortcuts":
        _shortcuts()
    else:
        _delete(dialog.id, dialog.title)


@st.dialog("Rename chat", on_dismiss=actions.close_dialog)
def _rename(opened: str) -> None:
    with st.form("rename", border=False):
        st.text_input("Title", key=actions.RENAME_FIELD, max_chars=200)
        with st.container(key="dialog-steps-rename", horizontal=True):  # Enter presses the first button
            saved = st.form_submit_button("Save", type="primary")
            cancelled = st.form_submit_button("Cancel")
    focus(actions.RENAME_FIELD, opened)
    _finish(actions.rename() if saved and not cancelled else "", done=saved, cancelled=cancelled)


@st.dialog("Move to a folder", on_dismiss=actions.close_dialog)
def _move(opened: str) -> None:
    known = state.page().shelves
    with st.form("move", border=False):
        st.selectbox(
            "Folder",
            list(known.folders) if known else [],
            index=None,
            key=actions.FOLDER_FIELD,
            placeholder="Choose one, or type a new name",
            accept_new_options=True,
        )
        with st.container(key="dialog-steps-move", horizontal=True):
            moved = st.form_submit_button("Move", type="primary")
            cancelled = st.form_submit_button("Cancel")
    st.caption("Empty: the chat stands among the others again.")
    focus(actions.FOLDER_FIELD, opened)
    _finish(actions.move() if moved and not cancelled else "", done=moved, cancelled=cancelled)


@st.dialog("Tags", on_dismiss=actions.close_dialog)
def _tags(opened: str) -> None:
    known, chosen = state.page().shelves, list(state.widget(shelves.TAGS_FIELD) or [])
    with st.form("tags", border=False):
        st.multiselect(
            "Tags",
            list(dict.fromkeys([*(known.tags if known else []), *chosen])),
            key=shelves.TAGS_FIELD,
            placeholder="Choose some, or type new ones",
            accept_new_options=True,
        )
        with st.container(key="dialog-steps-tags", horizontal=True):
            saved = st.form_submit_button("Save", type="primary")
            cancelled = st.form_submit_button("Cancel")
    focus(shelves.TAGS_FIELD, opened)
    _finish(shelves.save_tags() if saved and not cancelled else "", done=saved, cancelled=cancelled)


@st.dialog("Delete this chat?", on_dismiss=actions.close_dialog)
def _delete(opened: str, title: str) -> None:
    st.markdown(f"**{literal(title)}** and all its messages will be deleted. This cannot be undone.")
    with st.container(key="dialog-steps-delete", horizontal=True):
        confirmed = st.button("Delete chat", key="delete-confirm", type="primary")
        cancelled = st.button("Cancel", key="delete-cancel")
    focus("delete-cancel", opened)
    _finish(actions.delete() if confirmed else "", done=confirmed, cancelled=cancelled)


@st.dialog("Export this chat", on_dismiss=actions.close_dialog)
def _export(opened: str, chat_id: str, title: str) -> None:
    api, name = my_client(), file_name(title)
    for number, (words, (form, ending, kind, about)) in enumerate(FORMATS.items()):
        st.download_button(
            words,
            data=partial(api.export_chat, chat_id, form),
            file_name=f"{name}.{ending}",
            mime=kind,
            key=f"export-{form}",
            icon=":material/download:",
            type="secondary" if number else "primary",
            width="stretch",
            on_click="ignore",
        )
        st.caption(about)
    closed = st.button("Close", key="export-close", type="tertiary")
    focus("export-html", opened)
    _finish("", done=False, cancelled=closed)


@st.dialog("Keyboard shortcuts", on_dismiss=actions.close_dialog)
def _shortcuts() -> None:
    lines = [f"| {literal(what)} | {' + '.join(f'`{key}`' for key in keys.split())} |" for what, keys in SHORTCUTS]
    st.markdown("\n".join(["| What | Keys |", "|---|---|", *lines]))


def _finish(wrong: str, *, done: bool, cancelled: bool) -> None:
    if cancelled:
        actions.close_dialog()
    if wrong:
        draw_problem("dialog", wrong)
    elif done or cancelled:
        st.rerun()
