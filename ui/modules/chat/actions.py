"""What a person does in a chat, as calls to the API. Each is a callback: it runs once, before the page is drawn."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Model, ModelCatalogue
from ui.components.callbacks import whole
from ui.sign_in.current import my_client
from ui.wording import explain

CATALOGUE_SECONDS = 300.0  # asking may take seconds when a provider does not answer


@whole
def submit(chat_id: str) -> None:
    """The composer was sent."""
    _post(chat_id, str(state.widget(state.COMPOSER) or ""))


@whole
def send(chat_id: str, text: str) -> None:
    """Posts a message, in a new chat if none is open. What cannot be sent comes back into the composer."""
    _post(chat_id, text)


def _post(chat_id: str, text: str) -> None:
    """May begin again at any use of Streamlit's session: the draft knows what is done, and its key posts once."""
    page = state.page()
    page.notice = None
    if not text.strip():
        return
    draft = page.draft
    if draft is None or draft.text != text or chat_id not in {draft.typed_in, draft.chat_id}:
        draft = page.draft = state.Draft(chat_id, chat_id, text, str(uuid.uuid4()))
    model = str(state.widget(model_key(chat_id)) or "") or page.model or None
    try:
        api = my_client()
        if not draft.chat_id:
            draft = page.draft = replace(draft, chat_id=api.create_chat(model).id)
        if draft.chat_id != chat_id:
            st.query_params["chat"] = draft.chat_id
            state.put_widget(model_key(draft.chat_id), model)
        api.send(draft.chat_id, text, key=draft.key, model=model)
    except ApiError as error:
        page.refill = text
        page.notice = state.Notice(
            explain(error).text, "warning" if error.code == "chat_busy" or error.away else "error"
        )
        return
    page.draft = None


def stop(generation_id: str) -> None:
    try:
        my_client().stop(generation_id)
    except ApiError as error:
        if error.status not in {404, 409}:  # over already
            state.page().notice = state.Notice("The reply could not be stopped. " + explain(error).text)


def choose_model(chat_id: str) -> None:
    """The choice holds for this chat, and for the chats begun after it."""
    model = str(state.widget(model_key(chat_id)) or "")
    state.page().model = model
    if not (chat_id and model):
        return
    try:
        my_client().update_chat(chat_id, model=model)
    except ApiError as error:
        state.page().notice = state.Notice("The model is used now but could not be kept. " + explain(error).text)


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


def model_key(chat_id: str) -> str:
    return f"model-{chat_id or 'new'}"


def catalogue(api: ApiClient) -> ModelCatalogue:
    """The models this person may use; asked for again after some minutes, or when the Models page changed them."""
    page = state.page()
    if page.catalogue is None or time.monotonic() - page.catalogue_at > CATALOGUE_SECONDS:
        configs = api.model_configs()
        page.catalogue, page.catalogue_at = api.models(), time.monotonic()
        own = next((one for one in configs if one.is_default), configs[0] if configs else None)
        page.default_model = f"{own.provider}/{own.model}" if own else ""
    return page.catalogue


def known(models: dict[str, Model], name: str | None) -> str:
    """The id by which the list has a model; a bare name is looked for too. Empty when it is not there."""
    if not name or name in models:
        return name or ""
    return next((one.id for one in models.values() if one.name == name), "")
