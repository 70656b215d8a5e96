"""Words about something that went wrong, drawn the same everywhere: a sign, the theme's red, close to its cause."""

from __future__ import annotations

import streamlit as st

from ui.render import literal
from ui.state import Notice


def draw_notice(key: str, notice: Notice) -> None:
    """What is good to know is no failure, and does not look like one."""
    if notice.kind != "info":
        draw_problem(key, notice.text)
        return
    with st.container(key=f"note-{key}"):
        st.markdown(f":material/info: {literal(notice.text)}")


def draw_hint(key: str, hint: str, problem: str | None) -> None:
    """What a field takes, told before it is filled; in its place what is wrong with what was typed."""
    if problem or not hint:
        draw_problem(key, problem)
        return
    with st.container(key=f"hint-{key}"):
        st.caption(hint)


def draw_problem(key: str, text: str | None) -> None:
    """Nothing is drawn for no text. `key` tells this place from others on the page."""
    if text:
        with st.container(key=f"wrong-{key}"):
            st.markdown(f":red[:material/error: {literal(text)}]")
