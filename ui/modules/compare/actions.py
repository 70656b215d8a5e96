"""Asking several models, stopping them, and going on with one. Which replies are shown stands in the address."""

from __future__ import annotations

import uuid

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Generation
from ui.sign_in.current import my_client
from ui.wording import explain

MODELS, QUESTION = "compare_models", "compare_question"
MOST = 4


def ask() -> None:
    """The draft knows what is done, and its key posts once: what failed may be sent again."""
    page = state.page()
    page.notice = None
    text, models = str(state.widget(QUESTION) or ""), list(state.widget(MODELS) or [])
    if not text.strip():
        return
    if len(models) < 2:
        page.notice, page.refill = state.Notice("Choose two to four models first."), text
        return
    asked = page.compared
    if asked is None or (asked.text, asked.models, asked.files) != (text, models, page.compare_files.ids):
        page.compared = state.Comparison(text, models, page.compare_files.ids, str(uuid.uuid4()))
    draft = page.compared
    assert draft is not None
    try:
        api = my_client()
        if not draft.chat_id:
            draft.chat_id = api.create_chat(models[0]).id
        lanes = api.compare(draft.chat_id, text, models, key=draft.key, files=draft.files)
    except ApiError as error:
        page.notice, page.refill = state.Notice(explain(error).text), text
        if draft.chat_id:
            draft.unsure = draft.unsure or not error.refused
            if not draft.unsure:
                _take_back(api, draft)
        return
    st.query_params["lanes"] = ",".join(lane.generation_id for lane in lanes)
    page.compared, page.compare_files.files = None, []


def _take_back(api: ApiClient, draft: state.Comparison) -> None:
    """A question that was refused leaves no empty chat in the list. Asked again it gets another one."""
    try:
        if not api.chat(draft.chat_id).messages:
            api.delete_chat(draft.chat_id)
    except ApiError as error:
        if error.status != 404:
            return  # kept for the next attempt
    state.page().compared = None


def stop(generations: list[str]) -> None:
    for generation in generations:
        try:
            my_client().stop(generation)
        except ApiError as error:
            if error.status not in {404, 409}:
                state.page().notice = state.Notice(explain(error).text)


def go_on_with(reply: Generation) -> None:
    """The chat goes on from this reply and with its model; the others stay beside it, under ‹ ›."""
    page, api = state.page(), my_client()
    page.notice = None
    try:
        api.show_branch(reply.chat_id, reply.message_id)
    except ApiError as error:
        page.notice = state.Notice(explain(error).text)
        return
    page.going = reply.chat_id
    model = f"{reply.provider}/{reply.model}"
    try:
        api.update_chat(reply.chat_id, model=model, model_config_id=None)
    except ApiError as error:
        words = f"The chat goes on from this answer, but {model} could not be set as its model. {explain(error).text}"
        page.notice = state.Notice(words, "warning")
