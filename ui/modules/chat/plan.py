"""Plan mode's first step on the page: the plan as it is made, reviewed, edited and followed."""

from __future__ import annotations

import uuid

import streamlit as st

from ui import state
from ui.api_client import Message
from ui.modules.chat import tree
from ui.render import reply

STEPS = ("Plan", "Review", "Answer")


def steps(of: str, now: str, *, review: bool) -> None:
    """Which of a message's steps are done and which one is now; `now` is "" when all are done."""
    names = [name for name in STEPS if review or name != "Review" or now == "Review"]
    at = names.index(now) if now in names else len(names)
    words = []
    for index, name in enumerate(names):
        if index < at:
            words.append(f":material/check: {name}")
        else:
            words.append(f"**:material/arrow_forward: {name}**" if index == at else name)
    with st.container(key=f"plan-steps-{of}", horizontal=True, gap="small"):
        for word in words:
            st.markdown(word, width="content")


def draw_plan(message: Message, chat_id: str, *, last: bool, busy: bool) -> None:
    """`last` and not `busy`: it waits for a person."""
    waits = last and not busy
    with st.container(key=f"plan-{message.id}", border=True, gap="small"):
        steps(message.id, "Review" if waits else "Answer" if last or busy else "", review=True)
        if waits and state.page().editing == message.id:
            _editor(message, chat_id)
        elif waits:
            st.markdown(reply(message.content))
            if message.content and message.status != "error":
                _next(message)
        else:
            with st.expander("The plan", icon=":material/checklist:"):
                st.markdown(reply(message.content))


def _next(message: Message) -> None:
    with st.container(key="plan-next", horizontal=True, vertical_alignment="center"):
        st.button(
            "Answer by this plan",
            key=f"plan-execute-{message.id}",
            type="primary",
            on_click=tree.execute,
            args=(message.id, uuid.uuid4().hex),
        )
        st.button("Edit the plan", key=f"plan-edit-{message.id}", on_click=tree.begin_edit, args=(message,))


def _editor(message: Message, chat_id: str) -> None:
    with st.form("plan", border=False):
        st.text_area("The plan", key=tree.EDIT_FIELD, max_chars=100_000, height="content")
        with st.container(key="edit-steps", horizontal=True, vertical_alignment="center"):
            saved = (chat_id, message.id, uuid.uuid4().hex)
            st.form_submit_button("Save and answer", type="primary", on_click=tree.save_plan, args=(*saved, True))
            st.form_submit_button("Save", on_click=tree.save_plan, args=(*saved, False))
            st.form_submit_button("Cancel", on_click=tree.end_edit)
