"""Which model answers: the list of those there are, and the choice under the message box."""

from __future__ import annotations

import time

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Model, ModelCatalogue, ModelConfig, OpenChat
from ui.sign_in.current import my_client
from ui.wording import explain

CATALOGUE_SECONDS = 300.0  # asking may take seconds when a provider does not answer


def model_choice(models: dict[str, Model], opened: OpenChat | None) -> None:
    page, chat_id = state.page(), opened.chat.id if opened else ""
    wanted = opened.chat.model if opened and opened.chat.model else page.model or page.default_model
    found = known(models, wanted)
    options = list(models)
    if wanted and not found and opened:
        options.insert(0, wanted)
        found = wanted
    page.answering = str(state.widget(model_key(chat_id)) or "") or found or next(iter(options), "")
    if page.planned == chat_id:
        st.caption("Two models, see the settings", width="content")
        return
    if not options:
        st.page_link(page.places["models"], label="No model yet: add one", icon=":material/add:")
        return
    st.selectbox(
        "Model",
        options,
        index=options.index(found) if found else 0,
        key=model_key(chat_id),
        format_func=lambda name: model_name(models.get(name), name),
        label_visibility="collapsed",
        on_change=choose_model,
        args=(chat_id,),
    )


def model_name(model: Model | None, name: str) -> str:
    """What the list calls a model: name first, then whose it is and how much it can take in."""
    if model is None:
        return name
    same = model.provider.lower() == model.name.lower()
    parts = [model.provider] if same else [model.name, model.provider]
    if model.context_window:
        parts.append(f"{model.context_window // 1000}k")
    return " · ".join(part for part in parts if part)


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


def chosen(chat_id: str) -> str | None:
    """The model that the next message names. In plan mode it names none: the chat knows its two."""
    page = state.page()
    if page.planned == chat_id:
        return None
    return str(state.widget(model_key(chat_id)) or "") or page.model or None


def model_key(chat_id: str) -> str:
    return f"model-{chat_id or 'new'}"


def catalogue(api: ApiClient) -> ModelCatalogue:
    """The models this person may use; asked for again after some minutes, or when the Models page changed them."""
    page = state.page()
    if page.catalogue is None or time.monotonic() - page.catalogue_at > CATALOGUE_SECONDS:
        configs = api.model_configs()
        page.catalogue, page.catalogue_at = api.models(), time.monotonic()
        page.default_model = _usual(page.catalogue, configs)
    return page.catalogue


def _usual(listed: ModelCatalogue, configs: list[ModelConfig]) -> str:
    """The default config's model, else the first one's; of those that name a model, and not one for images."""
    others = {one.id for one in listed.all_models if not one.converses}
    named = [(not one.is_default, f"{one.provider}/{one.model}") for one in configs if one.model]
    return min(
        ((rest, name) for rest, name in named if name not in others), default=(True, ""), key=lambda one: one[0]
    )[1]


def known(models: dict[str, Model], name: str | None) -> str:
    """The id by which the list has a model; a bare name is looked for too. Empty when it is not there."""
    if not name or name in models:
        return name or ""
    return next((one.id for one in models.values() if one.name == name), "")
