"""Draws the lanes: each streams by itself, and says at its end what it took."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import state
from ui.api_client import ApiClient, ApiError, Generation, Message
from ui.components.focus import focus
from ui.components.frame import head
from ui.components.light import Stream
from ui.components.problem import draw_problem
from ui.modules.chat import files
from ui.modules.chat.model import catalogue
from ui.modules.chat.running import Parts
from ui.modules.compare import actions
from ui.render import label, literal
from ui.wording import cost_words, explain, explain_reply, status_words, token_words


def draw(api: ApiClient) -> None:
    head("Compare", "Ask two to four models the same thing, and go on with the answer you like best.")
    models = [model.id for model in catalogue(api).models]
    lanes = [one for one in st.query_params.get("lanes", "").split(",") if one][: actions.MOST]
    shown = _found(api, lanes)
    st.multiselect(
        "Models",
        models,
        default=models[:2],
        key=actions.MODELS,
        max_selections=actions.MOST,
        placeholder="Choose two to four models",
    )
    _composer(shown)
    if shown:
        _lanes(api, shown)


def _found(api: ApiClient, lanes: list[str]) -> list[Generation]:
    found = []
    for lane in lanes:
        try:
            found.append(api.generation(lane))
        except ApiError as error:
            if error.status not in {404, 422}:
                raise
    if len(found) < len(lanes):
        st.markdown("Some of these answers are not there any more.")
    else:
        st.empty()  # holds the place: what stands below keeps its own
    return found


def _composer(shown: list[Generation]) -> None:
    page = state.page()
    if page.refill is not None:
        state.put_widget(actions.QUESTION, page.refill)
        page.refill = None
    running = [one.id for one in shown if one.running]
    with st.bottom, st.container(key="notice"):
        draw_problem("notice", page.notice.text if page.notice else None)
        with st.container(key="files-place", gap=None):
            files.draw_waiting(page.compare_files)
    st.chat_input("Ask all of them", key=actions.QUESTION, max_chars=100_000, on_submit=actions.ask)
    focus(actions.QUESTION, "compare")
    with st.bottom, st.container(key="composer-bar", horizontal=True, vertical_alignment="center"):
        files.draw_choice(page.compare_files)
        st.caption("Every question here begins a chat of its own.")
        if running:
            st.button("Stop all", key="stop", icon=":material/stop_circle:", on_click=actions.stop, args=(running,))


def _place(lanes: list[str]) -> DeltaGenerator:
    """Another question's lanes stand in the other one of two places, and the former place is emptied: a container that
    follows one in the same place inherits what stood in it, whatever its key, and shows it until the run ends."""
    page = state.page()
    if page.lanes[0] != lanes:
        page.lanes = (lanes, not page.lanes[1])
    if page.lanes[1]:
        st.empty()
    place = st.container(key="lanes")
    if not page.lanes[1]:
        st.empty()
    return place


def _lanes(api: ApiClient, shown: list[Generation]) -> None:
    place = _place([one.id for one in shown])
    question = _question(api, shown[0].chat_id)
    with place:
        if question:
            with st.container(key="lanes-question"):
                st.text(question.content)
                files.draw_sent(question.files)
        for column, generation in zip(st.columns(len(shown)), shown, strict=True):
            with column, st.container(key=f"lane-{generation.id}", border=True):
                st.subheader(label(generation.model), anchor=False)
                _lane(api, generation, [one.id for one in shown if one is not generation])
                st.button(
                    "Go on with this one",
                    key=f"choose-{generation.id}",
                    width="stretch",
                    on_click=actions.go_on_with,
                    args=(generation,),
                )


def _question(api: ApiClient, chat_id: str) -> Message | None:
    messages = api.chat(chat_id).messages
    return next((message for message in reversed(messages) if message.role == "user"), None)


@st.fragment(parallel=True)
def _lane(api: ApiClient, generation: Generation, others: list[str]) -> None:
    parts = Parts("Thinking…" if generation.running else "Reasoning")
    try:
        st.write_stream(Stream(parts.pieces(api.follow(generation.id))), cursor=" ▍")
        ended = api.generation(generation.id)
        if generation.running and not any(api.generation(one).running for one in others):
            st.rerun()  # the last one: there is nothing to stop any more
    except ApiError as error:
        draw_problem(f"lane-{generation.id}", explain(error).text)
        return
    if ended.problem:
        draw_problem(f"lane-{generation.id}", explain_reply(ended.problem).text)
    st.caption(literal(" · ".join(facts(ended))))


def facts(ended: Generation) -> list[str]:
    """How it ended, how long it took, and what it cost."""
    parts = [part for part in (status_words(ended.status),) if part]
    if ended.seconds is not None:
        parts.append(f"{ended.seconds:.1f} s")
    if ended.completion_tokens:
        parts.append(token_words(ended.completion_tokens, estimated=ended.estimated))
    if ended.cost is not None:
        parts.append(cost_words(ended.cost))
    return parts
