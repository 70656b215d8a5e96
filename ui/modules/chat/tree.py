"""What a person does to a message that is there: edit, answer again, go on, switch, copy, fork, rate, delete.

The keys that keep a click from being carried out twice are made where the button is drawn: a callback that begins
again uses the same one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

import streamlit as st

from ui import state
from ui.api_client import ApiError, Message
from ui.components.question import ask
from ui.modules.chat.model import chosen
from ui.sign_in.current import my_client
from ui.wording import explain

EDIT_FIELD = "edit_text"


def begin_edit(message: Message) -> None:
    state.page().editing = message.id
    state.put_widget(EDIT_FIELD, message.content)


def end_edit() -> None:
    state.page().editing = ""


def send_edit(chat_id: str, message_id: str, key: str) -> None:
    text = str(state.widget(EDIT_FIELD) or "")
    if not text.strip():
        state.page().notice = state.Notice("Write something, or cancel the edit.")
        return
    if _try(lambda: my_client().edit(message_id, text, key=key, model=chosen(chat_id))):
        end_edit()


def answer_again(chat_id: str, message_id: str, key: str) -> None:
    """By the model that is chosen under the message box."""
    _try(lambda: my_client().answer_again(message_id, key=key, model=chosen(chat_id)))


def go_on(message_id: str, key: str) -> None:
    _try(lambda: my_client().go_on(message_id, key=key))


def execute(plan_id: str, key: str) -> None:
    """The plan is good: it is followed."""
    _try(lambda: my_client().execute(plan_id, key=key))


def save_plan(chat_id: str, plan_id: str, key: str, go_on: bool) -> None:
    """In other words, beside the old one; and followed, if that is wanted."""
    page, text = state.page(), str(state.widget(EDIT_FIELD) or "")
    if not text.strip():
        page.notice = state.Notice("Write a plan, or cancel the edit.")
        return

    def work() -> None:
        api = my_client()
        if page.saved_plan[0] != key:
            page.saved_plan = (key, api.edit(plan_id, text, key=key, model=chosen(chat_id)).message_id)
        if go_on:
            api.execute(page.saved_plan[1], key=f"{key}-go")

    if _try(work):
        end_edit()


def show(chat_id: str, message_id: str) -> None:
    _try(lambda: my_client().show_branch(chat_id, message_id))


def copy(message: Message) -> None:
    state.page().copied = (uuid.uuid4().hex, message.content)
    state.page().toast = "Copied."


def choose(chat_id: str, message: Message, key: str) -> None:
    """An entry of a message's menu."""
    match state.widget(key):
        case "Fork into a new chat":
            _fork(chat_id, message.id)
        case "Good answer" | "Bad answer" as rating:
            _rate(message, "up" if rating.startswith("Good") else "down")
        case "Take the rating back":
            _rate(message, None)
        case "Delete from here on":
            ask(
                "Delete from here on?",
                "This message and everything said after it will be deleted. Other answers to the same question stay. "
                "**This cannot be undone.**",
                "Delete",
                partial(_delete, message.id),
            )


def _rate(message: Message, rating: str | None) -> None:
    if _try(lambda: my_client().rate(message.id, rating)):
        state.page().toast = "Thank you." if rating else ""


def _fork(chat_id: str, message_id: str) -> None:
    def work() -> None:
        st.query_params["chat"] = my_client().fork(chat_id, message_id).id

    if _try(work):
        state.page().toast = "This is the copy. The chat it came from is as it was."


def _delete(message_id: str) -> str:
    try:
        my_client().delete_message(message_id)
    except ApiError as error:
        if error.status != 404:
            return explain(error).text
    return ""


def _try(work: Callable[[], object]) -> bool:
    page = state.page()
    page.notice = None
    try:
        work()
    except ApiError as error:
        page.notice = state.Notice(explain(error).text)
        return False
    return True
