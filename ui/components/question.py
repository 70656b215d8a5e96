"""Asks before something is done that cannot be undone. The safe answer has the keyboard."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import state
from ui.components.focus import focus
from ui.components.problem import draw_problem


def ask(title: str, text: str, yes: str, act: Callable[[], str]) -> None:
    """For callbacks: the question is drawn by the run that follows. `text` is markdown of our own."""
    state.page().question = state.Question(title, text, yes, act)


def draw_question() -> None:
    question = state.page().question
    if question is None:
        return

    @st.dialog(question.title, on_dismiss=_close)
    def shown(asked: state.Question) -> None:
        st.markdown(asked.text)
        with st.container(key="dialog-steps-question", horizontal=True):
            confirmed = st.button(asked.yes, key="question-yes", type="primary")
            cancelled = st.button("Cancel", key="question-no")
        focus("question-no", asked.id)
        wrong = asked.act() if confirmed else ""
        if wrong:
            draw_problem("question", wrong)
        elif confirmed or cancelled:
            _close()
            st.rerun()

    shown(question)


def _close() -> None:
    state.page().question = None
