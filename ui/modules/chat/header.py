"""Over a conversation: its title, what it took so far, and whether its messages are planned first."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, Message, OpenChat
from ui.modules.chat.settings import Settings, end_plan, keep
from ui.render import label, literal
from ui.wording import cost_words, duration, token_words


def draw_header(api: ApiClient, opened: OpenChat, messages: list[Message], *, running: bool) -> None:
    chat = opened.chat
    with st.container(key="chat-head", gap="xsmall"):
        if messages:
            with st.container(key="chat-head-line", horizontal=True, vertical_alignment="center"):
                st.title(label(chat.title or "New chat", 80), anchor=False)
                st.caption(literal(_took(api, chat.id, messages[-1], running=running)), width="content")
        if chat.temporary:
            with st.container(key="temporary-badge", horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(":material/timer: **Temporary** · in no list, gone a day after its last message")
                st.button("Keep it", key="temporary-keep", type="tertiary", on_click=keep, args=(Settings.of(chat),))
        if chat.tags:
            st.caption(" ".join(literal(f"#{tag}") for tag in chat.tags))
        if chat.plan:
            with st.container(key="plan-badge", horizontal=True, wrap=False, vertical_alignment="center", gap=None):
                roles = f"{literal(_short(chat.plan.planner))} plans, {literal(_short(chat.plan.answerer))} answers"
                review = ", you review" if chat.plan.review else ""
                st.markdown(f":material/checklist: **Plan mode** · {roles}{review}")
                st.button(
                    "Turn plan mode off",
                    key="icon-plan-off",
                    icon=":material/close:",
                    type="tertiary",
                    on_click=end_plan,
                    args=(Settings.of(chat),),
                )


def _short(model: str) -> str:
    return model.partition("/")[2] or model


def _took(api: ApiClient, chat_id: str, last: Message, *, running: bool) -> str:
    """Tokens, cost and time of the whole chat; asked for when a reply has ended."""
    page = state.page()
    now = f"{chat_id} {last.id} {last.status}"
    if not running and (page.sums is None or page.sums[0] != now):
        page.sums = (now, api.chat_usage(chat_id))
    if page.sums is None or not page.sums[0].startswith(chat_id) or not page.sums[1].calls:
        return ""
    sums = page.sums[1]
    parts = [token_words(sums.tokens)] if sums.tokens else []
    if sums.cost is not None:
        parts.append(cost_words(sums.cost) + (" or more" if sums.unpriced else ""))
    return " · ".join([*parts, duration(sums.seconds)])
