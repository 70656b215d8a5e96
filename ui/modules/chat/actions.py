"""What a person does in a chat, as calls to the API. Each is a callback: it runs once, before the page is drawn."""

from __future__ import annotations

import uuid

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError
from ui.components.callbacks import undisturbed
from ui.modules.chat import commands, queue
from ui.modules.chat.model import chosen, model_key
from ui.sign_in.current import my_client
from ui.wording import budget_warning, explain


def submit(chat_id: str) -> None:
    """The composer was sent."""
    page, text = state.page(), str(state.widget(state.COMPOSER) or "")
    page.heard = text
    if not chat_id and page.begun_here:  # written on the empty page while it became that chat
        chat_id = st.query_params["chat"] = page.begun_here
    _post(chat_id, text)


def send(chat_id: str, text: str) -> None:
    """Posts a message, in a new chat if none is open. What cannot be sent comes back into the composer."""
    _post(chat_id, text)


def choose_listed(chat_id: str, command: str) -> None:
    """One of a command's list was taken."""
    _post(chat_id, commands.chosen(command))


def _post(chat_id: str, text: str) -> None:
    """The draft knows what is done, and its key posts once: what failed may be sent again."""
    page = state.page()
    page.notice, page.result, page.jump = None, None, ("", "")
    if not text.strip():
        return
    draft = page.draft
    if draft is None or draft.text != text or chat_id not in {draft.typed_in, draft.chat_id}:
        draft = page.draft = state.Draft(chat_id, chat_id, text, str(uuid.uuid4()))
    try:
        _deliver(my_client(), chat_id, draft)
    except ApiError as error:
        if error.code == "chat_busy" and not (commands.is_command(text) or page.files.files):
            queue.add(draft.chat_id, text)
            page.draft = None
            return
        page.refill = text
        page.notice = state.Notice(explain(error).text, "warning" if error.away else "error")
        return
    page.draft, page.begun = None, {}


def _deliver(api: ApiClient, chat_id: str, draft: state.Draft) -> None:
    model = chosen(chat_id)
    if not draft.chat_id:
        draft.chat_id = api.create_chat(model, **state.page().begun).id
    words = draft.text
    if commands.is_command(words):
        outcome = commands.run(api, draft)
        if outcome is None:
            return
        if outcome.send is None:
            commands.carried_out(api, chat_id, draft, outcome)
            return
        words = outcome.send
    if draft.chat_id != chat_id:
        st.query_params["chat"] = draft.chat_id
        if not chat_id:
            state.page().begun_here = draft.chat_id
        if model:
            state.put_widget(model_key(draft.chat_id), model)
    page = state.page()
    sent = api.send(draft.chat_id, words, key=draft.key, model=model, files=page.files.ids)
    page.files.files = []
    if sent.warnings:
        page.notice = state.Notice(" ".join(budget_warning(*one) for one in sent.warnings), "info")


def settle() -> bool:
    """Commands that took their time: whether one of them is over and its result to be drawn."""
    page = state.page()
    over = [draft for draft in page.pending if draft.errand is not None and draft.errand.done()]
    with undisturbed():
        for draft in over:
            try:
                _deliver(my_client(), draft.typed_in, draft)
            except ApiError as error:
                page.notice = state.Notice(f"{draft.text[:300]}: {explain(error).text}")
            page.pending = [one for one in page.pending if one is not draft]
    return bool(over)


def stop(generation_id: str) -> None:
    try:
        my_client().stop(generation_id)
    except ApiError as error:
        if error.status not in {404, 409}:  # over already
            state.page().notice = state.Notice("The reply could not be stopped. " + explain(error).text)


def add_model(provider: str) -> None:
    """To the Models page, with the form for this provider open."""
    state.page().adding, state.page().visit = provider, "models"


def put_back(text: str) -> None:
    """Into the composer again, to be changed and sent anew."""
    state.page().refill = text


def show_earlier(chat_id: str) -> None:
    page = state.page()
    shown = page.earlier[1] if page.earlier[0] == chat_id else 0
    page.earlier = (chat_id, shown + 1)


def show_newest(message_id: str) -> None:
    """Away from a message that was looked for, to the end: this message."""
    page = state.page()
    page.jump, page.asked_for = ("", ""), message_id
