"""Draws one stored message."""

from __future__ import annotations

import streamlit as st

from ui.api_client import Message
from ui.components.problem import draw_problem
from ui.components.style import STATIC
from ui.modules.chat import actions
from ui.render import literal, reply
from ui.state import page
from ui.wording import explain_reply, status_words

AVATAR = str(STATIC / "logo.svg")


def draw_message(message: Message, question: str, *, last: bool) -> None:
    """`question` is what the reply answers: a failed one offers to put it back into the composer."""
    if message.role == "user":
        draw_user(message)
        return
    with st.container(key=f"turn-assistant-{message.id}"), st.chat_message("assistant", avatar=AVATAR):
        if message.reasoning:
            with st.expander("Reasoning", icon=":material/psychology:"):
                st.markdown(reply(message.reasoning))
        if message.content:
            st.markdown(reply(message.content))
        if message.status == "error":
            _failed(message, question, last=last)
        _footer(message)


def draw_user(message: Message) -> None:
    with (
        st.container(key=f"turn-user-{message.id}", horizontal_alignment="right"),
        st.chat_message("user", avatar=":material/person:", width="content"),
    ):
        st.text(message.content, width="content")


def _failed(message: Message, question: str, *, last: bool) -> None:
    words = explain_reply(message.problem)
    with st.container(key=f"failed-{message.id}", gap="small"):
        draw_problem(message.id, words.text)
        if not last:
            return
        with st.container(horizontal=True, vertical_alignment="center", key=f"failed-steps-{message.id}"):
            if question:
                st.button(
                    "Put my message back",
                    key=f"again-{message.id}",
                    icon=":material/undo:",
                    on_click=actions.put_back,
                    args=(question,),
                )
            if words.models:
                st.page_link(page().places["models"], label="Models and keys", icon=":material/key:")


def _footer(message: Message) -> None:
    parts = [part for part in (status_words(message.status),) if part]
    if message.model:
        parts.append(message.model)
    if message.tokens:
        parts.append(f"{'about ' if message.estimated else ''}{message.tokens:,} tokens")
    if parts:
        with st.container(key=f"footer-{message.id}"):
            st.caption(literal(" · ".join(parts)))
