"""Messages written while a reply runs: each is sent when the reply before it has ended as it should."""

from __future__ import annotations

import uuid

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, OpenChat
from ui.modules.chat.model import chosen
from ui.render import label
from ui.sign_in.current import my_client
from ui.wording import explain

ENDED_WELL = frozenset({"complete", "length"})


def add(chat_id: str, text: str) -> None:
    state.page().queued.setdefault(chat_id, []).append(state.Queued(text, str(uuid.uuid4())))


def texts(chat_id: str) -> list[str]:
    return [one.text for one in state.page().queued.get(chat_id, [])]


def send_next(api: ApiClient, opened: OpenChat) -> bool:
    """Sends the first that waits, if it is its turn. After a stop, an error or a plan a person says when."""
    chat, waiting = opened.chat, state.page().queued.get(opened.chat.id) or []
    if not waiting or waiting[0].held or chat.active_generation_id:
        return False
    last = opened.messages[-1] if opened.messages else None
    if last is not None and (last.kind == "plan" or last.status not in ENDED_WELL):
        waiting[0].held = True
        return False
    try:
        api.send(chat.id, waiting[0].text, key=waiting[0].key, model=None if chat.plan else chosen(chat.id))
    except ApiError as error:
        if error.code != "chat_busy":
            waiting[0].held = True
            state.page().notice = state.Notice(explain(error).text)
        return False
    waiting.pop(0)
    return True


def send_now(chat_id: str, key: str) -> None:
    page = state.page()
    page.notice = None
    found = _find(chat_id, key)
    if found is None:
        return
    try:
        my_client().send(chat_id, found.text, key=key, model=chosen(chat_id))
    except ApiError as error:
        page.notice = state.Notice(explain(error).text)
        return
    drop(chat_id, key)


def take_back(chat_id: str, key: str) -> None:
    """Into the box again, to be changed."""
    found = _find(chat_id, key)
    if found is not None:
        state.page().refill = found.text
        drop(chat_id, key)


def drop(chat_id: str, key: str) -> None:
    page = state.page()
    page.queued[chat_id] = [one for one in page.queued.get(chat_id, []) if one.key != key]


def draw_queue(chat_id: str) -> None:
    page, waiting = state.page(), state.page().queued.get(chat_id, [])
    page.queue_rows = max(page.queue_rows, len(waiting))
    for _ in range(page.queue_rows - len(waiting)):
        st.empty()  # while a reply is streamed Streamlit takes away nothing that is not replaced
    for one in waiting:
        with st.container(
            key=f"queued-{one.key}", horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"
        ):
            st.markdown(f":material/schedule_send: **{'Waits' if one.held else 'Next'}** · {label(one.text, 90)}")
            if one.held:
                _button("Send now", f"queued-send-{one.key}", "", send_now, chat_id, one.key)
            _button("Change this message", f"icon-queued-edit-{one.key}", "edit", take_back, chat_id, one.key)
            _button("Do not send it", f"icon-queued-drop-{one.key}", "close", drop, chat_id, one.key)


def _button(words: str, key: str, icon: str, act: object, *args: str) -> None:
    shown = f":material/{icon}:" if icon else None
    st.button(words, key=key, icon=shown, type="tertiary", on_click=act, args=args)  # type: ignore[arg-type]


def _find(chat_id: str, key: str) -> state.Queued | None:
    return next((one for one in state.page().queued.get(chat_id, []) if one.key == key), None)
