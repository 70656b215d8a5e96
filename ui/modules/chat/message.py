"""Draws one stored message, and under it what can be done with it."""

from __future__ import annotations

import uuid

import streamlit as st

from ui import state
from ui.api_client import Chat, Message
from ui.components.focus import focus
from ui.components.problem import draw_problem
from ui.components.style import STATIC
from ui.modules.chat import actions, files, tree
from ui.modules.chat.plan import draw_plan
from ui.render import literal, reply
from ui.wording import cost_words, duration, explain_reply, status_words, token_words

AVATAR = str(STATIC / "logo.svg")
CAN_GO_ON = frozenset({"stopped", "length", "interrupted", "error"})


def draw_message(message: Message, question: Message | None, chat: Chat, *, last: bool, busy: bool) -> None:
    """`question` is what the reply answers: a failed one offers to put it back into the composer.

    While a reply runs (`busy`) nothing is offered that would have to wait for its end.
    """
    chat_id = chat.id
    if message.role == "user":
        if state.page().editing == message.id and not busy:
            _editor(message, chat_id)
        else:
            draw_user(message)
            _user_steps(message, chat_id, last=last, busy=busy)
        return
    with st.container(key=f"turn-assistant-{message.id}"), st.chat_message("assistant", avatar=AVATAR):
        if message.reasoning:
            with st.expander("Reasoning", icon=":material/psychology:"):
                st.markdown(reply(message.reasoning))
        if message.kind == "plan":
            draw_plan(message, chat_id, last=last, busy=busy)
        elif message.content:
            st.markdown(reply(message.content))
        if message.status == "error":
            _failed(message, question, last=last)
        _reply_steps(message, chat, last=last, busy=busy)


def draw_user(message: Message) -> None:
    with (
        st.container(key=f"turn-user-{message.id}", horizontal_alignment="right"),
        st.chat_message("user", avatar=":material/person:", width="content"),
    ):
        st.text(message.content, width="content")
        files.draw_sent(message.files)


def _editor(message: Message, chat_id: str) -> None:
    with st.container(key=f"editing-{message.id}", border=True), st.form("edit", border=False):
        st.text_area("Your message", key=tree.EDIT_FIELD, max_chars=100_000, height="content")
        files.draw_sent(message.files)  # they go along
        with st.container(key="edit-steps", horizontal=True, vertical_alignment="center"):
            args = (chat_id, message.id, uuid.uuid4().hex)
            st.form_submit_button("Send", type="primary", on_click=tree.send_edit, args=args)
            st.form_submit_button("Cancel", on_click=tree.end_edit)
            st.caption("The old words and their answers are kept: ‹ › under the message switches.")
    focus(tree.EDIT_FIELD, message.id)


def _user_steps(message: Message, chat_id: str, *, last: bool, busy: bool) -> None:
    if busy:
        st.empty()  # holds the place: what stands below keeps its own
        return
    with st.container(
        key=f"steps-user-{message.id}",
        horizontal=True,
        horizontal_alignment="right",
        vertical_alignment="center",
    ):
        if last:
            _answer(message, chat_id, "Answer this")
        _switch(message, chat_id)
        _icon("Edit message", ":material/edit:", f"icon-edit-{message.id}", tree.begin_edit, message)


def _reply_steps(message: Message, chat: Chat, *, last: bool, busy: bool) -> None:
    chat_id = chat.id
    with st.container(key=f"steps-{message.id}", horizontal=True, vertical_alignment="center"):
        with st.container(key=f"footer-{message.id}", width="content"):
            st.caption(literal(" · ".join(facts(message, chat))))
        if busy:
            return
        _switch(message, chat_id)
        if message.content:
            _icon("Copy answer", ":material/content_copy:", f"icon-copy-{message.id}", tree.copy, message)
        if last:
            _answer(message, chat_id, "Plan again" if message.kind == "plan" else "Answer again")
            if message.status in CAN_GO_ON and message.content:
                st.button(
                    "Continue",
                    key=f"go-on-{message.id}",
                    icon=":material/play_arrow:",
                    type="tertiary",
                    on_click=tree.go_on,
                    args=(message.id, uuid.uuid4().hex),
                )
        _menu(message, chat_id)


def how_it_ended(message: Message, chat: Chat) -> str:
    """In words, if not as usual."""
    counted = None if message.estimated else message.tokens
    return status_words(message.status, chat.parameters.get("max_tokens"), counted)


def facts(message: Message, chat: Chat) -> list[str]:
    """What stands under a reply: how it ended if not as usual, who wrote it, what it took."""
    ended = how_it_ended(message, chat)
    parts = [ended] if ended else []
    if message.model:
        parts.append(message.model)
    if message.tokens:
        parts.append(token_words(message.tokens, estimated=message.estimated))
    if message.cost is not None:
        parts.append(cost_words(message.cost))
    if message.seconds is not None:
        parts.append(duration(message.seconds))
    return parts


def _answer(message: Message, chat_id: str, words: str) -> None:
    _icon(
        words,
        ":material/refresh:",
        f"icon-again-{message.id}",
        tree.answer_again,
        chat_id,
        message.id,
        uuid.uuid4().hex,
    )


def _switch(message: Message, chat_id: str) -> None:
    """‹ 2/3 ›: the same place in other words, or by another model."""
    ids = message.sibling_ids
    if len(ids) < 2 or message.id not in ids:
        return
    at = ids.index(message.id)
    for words, icon, to in (("Previous version", "chevron_left", at - 1), ("Next version", "chevron_right", at + 1)):
        if to > at:
            st.caption(f"{at + 1}/{len(ids)}", width="content")
        st.button(
            words,
            key=f"icon-{icon}-{message.id}",
            icon=f":material/{icon}:",
            type="tertiary",
            disabled=not 0 <= to < len(ids),
            on_click=tree.show,
            args=(chat_id, ids[to % len(ids)]),
        )


def _menu(message: Message, chat_id: str) -> None:
    rated = {"up": ["Take the rating back", "Bad answer"], "down": ["Good answer", "Take the rating back"]}
    entries = ["Fork into a new chat", *rated.get(message.rating, ["Good answer", "Bad answer"]), "Delete from here on"]
    key = f"icon-menu-{message.id}"
    st.menu_button(
        "More about this answer",
        entries,
        key=key,
        icon=":material/more_horiz:",
        type="tertiary",
        on_click=tree.choose,
        args=(chat_id, message, key),
    )


def _icon(words: str, icon: str, key: str, act: object, *args: object) -> None:
    """A button that shows its icon and says its words."""
    st.button(words, key=key, icon=icon, type="tertiary", on_click=act, args=args)  # type: ignore[arg-type]


def _failed(message: Message, question: Message | None, *, last: bool) -> None:
    words = explain_reply(message.problem)
    with st.container(key=f"failed-{message.id}", gap="small"):
        draw_problem(message.id, words.text)
        if not last:
            return
        with st.container(horizontal=True, vertical_alignment="center", key=f"failed-steps-{message.id}"):
            if question is not None:
                st.button(
                    "Put my message back",
                    key=f"again-{message.id}",
                    icon=":material/undo:",
                    on_click=actions.put_back,
                    args=(question.content,),
                )
            if words.models:
                st.page_link(state.page().places["models"], label="Models and keys", icon=":material/key:")
