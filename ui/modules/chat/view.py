"""Draws the open chat: what was said, the reply that is being written, and the composer."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Chat, Earlier, Message, Model, OpenChat
from ui.components.callbacks import undisturbed
from ui.components.copying import copy_once
from ui.components.drafts import keep_draft
from ui.components.escape import escape_presses
from ui.components.focus import focus, to_end, to_message
from ui.components.problem import draw_notice
from ui.components.reading import reading
from ui.modules.chat import actions, commands, files, queue
from ui.modules.chat.header import draw_header
from ui.modules.chat.message import draw_message, how_it_ended
from ui.modules.chat.model import catalogue as kept_catalogue
from ui.modules.chat.model import model_choice
from ui.modules.chat.running import draw_running
from ui.modules.chat.settings import draw_settings
from ui.modules.chat.welcome import draw_welcome
from ui.wording import explain_reply

FIRST_PAGE = 50  # messages the API gives when a chat is opened


def draw(api: ApiClient) -> None:
    if actions.settle():
        st.rerun()
    page, chat_id = state.page(), st.query_params.get("chat", "")
    opened = _open(api, chat_id)
    if chat_id and opened is None:
        return
    if opened and queue.send_next(api, opened):
        opened = _open(api, chat_id)
    if opened and opened.chat.title:
        st.set_page_config(page_title=f"{opened.chat.title} · Parley")
    running = opened.chat.active_generation_id if opened else None
    part = _part(api, opened) if opened else Earlier([], more=False)
    messages = part.messages
    catalogue = kept_catalogue(api)
    models = {model.id: model for model in catalogue.models}
    # Every call that may fail is made: from here the composer is on the page, and what is typed in it safe.
    refill = page.refill or ""
    _composer(opened, running, models)
    commands.offer(api, list(models))
    _for_readers(opened, running, refill)
    if page.copied:
        copy_once(*page.copied)
    else:
        st.empty()  # every part has its place, filled or not: while a reply is streamed what moved would be seen twice
    if opened and (messages or opened.chat.plan):
        draw_header(api, opened, messages, running=bool(running))
    else:
        st.empty()
    if not opened or not messages:
        draw_welcome(chat_id, catalogue)
        return
    st.empty()
    with st.container(key="conversation", gap="medium"):
        if part.more:
            with st.container(horizontal_alignment="center"):
                st.button("Show earlier messages", key="earlier", on_click=actions.show_earlier, args=(chat_id,))
        if part.more_after:
            _passage(opened, messages, busy=bool(running))
        else:
            _conversation(api, opened.chat, messages, running)


def draw_offline() -> None:
    """While the API is away the composer stays, and with it what is being typed."""
    chat_id = st.query_params.get("chat", "")
    _input(chat_id, replying=bool(chat_id))


def _open(api: ApiClient, chat_id: str) -> OpenChat | None:
    if not chat_id:
        return None
    try:
        return api.chat(chat_id)
    except ApiError as error:
        if error.status not in {404, 422}:
            raise
    with st.container(key="gone"):
        st.title("This chat is not there", anchor=False)
        st.markdown("It may have been deleted, or the address is not quite right.")
        st.button("Start a new chat", type="primary", on_click=st.query_params.clear)
    return None


def _conversation(api: ApiClient, chat: Chat, messages: list[Message], running: str | None) -> None:
    last, question = messages[-1], None
    if running and last.role == "assistant":
        messages.pop()
    for message in messages:
        question = message if message.role == "user" else question
        draw_message(message, question, chat, last=message is last, busy=bool(running))
    looked_for = _jump(chat.id)
    if looked_for:
        to_message(looked_for)
    elif running:
        to_end(running)
    else:
        to_end(f"{last.id} ended", gently=last.id != state.page().asked_for)
    if running:
        draw_running(api, running, last, review=bool(chat.plan and chat.plan.review))


def _passage(opened: OpenChat, messages: list[Message], *, busy: bool) -> None:
    """A part of a long conversation that does not reach to its end."""
    question = None
    for message in messages:
        question = message if message.role == "user" else question
        draw_message(message, question, opened.chat, last=False, busy=busy)
    to_message(_jump(opened.chat.id))
    with st.container(horizontal_alignment="center"):
        args = (opened.messages[-1].id,)
        st.button("Go to the newest messages", key="newest", on_click=actions.show_newest, args=args)


def _jump(chat_id: str) -> str:
    """The message that was looked for in the open chat, if one was."""
    chat, message = state.page().jump
    return message if chat == chat_id else ""


def _part(api: ApiClient, opened: OpenChat) -> Earlier:
    """What is shown: the newest messages, or those around one that was looked for, and earlier ones as was asked."""
    page, chat_id, looked_for = state.page(), opened.chat.id, _jump(opened.chat.id)
    part = Earlier(list(opened.messages), more=len(opened.messages) >= FIRST_PAGE)
    if looked_for and all(one.id != looked_for for one in part.messages):
        part = api.messages_around(chat_id, looked_for)
    wanted = page.earlier[1] if page.earlier[0] == chat_id else 0
    while part.more and part.messages and wanted:
        earlier = api.messages_before(chat_id, part.messages[0].id)
        part = replace(earlier, messages=earlier.messages + part.messages, more_after=part.more_after)
        wanted -= 1
    return part


def _composer(opened: OpenChat | None, running: str | None, models: dict[str, Model]) -> None:
    page = state.page()
    chat_id = opened.chat.id if opened else ""
    _input(chat_id, replying=opened is not None)
    with st.bottom, st.container(key="composer-bar", horizontal=True, wrap=False, vertical_alignment="center"):
        choice = st.container(key="composer-model", horizontal=True, vertical_alignment="center")
        draw_settings(opened.chat if opened else None, models, empty=not (opened and opened.messages))
        with choice:
            model_choice(models, opened)
        files.draw_choice(state.page().files)
        st.caption("Esc stops the reply" if running else "Enter sends · Shift+Enter starts a line", width="content")
        if running:
            st.button("Stop", key="stop", icon=":material/stop_circle:", on_click=actions.stop, args=(running,))
    if running:
        escape_presses("stop")
    elif not (page.modal or page.editing or _jump(chat_id)):
        focus(state.COMPOSER, chat_id or "new")
    else:
        st.empty()


def _for_readers(opened: OpenChat | None, running: str | None, refill: str) -> None:
    """What is typed is kept, what is written is heard, a reply's end is marked."""
    chat_id = opened.chat.id if opened else ""
    last = opened.messages[-1] if opened and opened.messages else None
    problem = explain_reply(last.problem).text if last and last.status == "error" else ""
    ended = problem or (how_it_ended(last, opened.chat) if opened and last else "") or "The reply is complete."
    page = state.page()
    if not chat_id:
        page.begun_here = ""
    begun_here = chat_id != "" and chat_id == page.begun_here
    keep_draft(page.user_id, chat_id, queue.texts(chat_id), refill, begun_here=begun_here)
    reading(chat_id, running or "", ended)


def _input(chat_id: str, *, replying: bool) -> None:
    """Called in the page's main part: Streamlit itself then puts it at the foot and lets the page follow the text.

    What stands before it does so on every run, empty or not: in the same place it keeps what is being typed.
    """
    page = state.page()
    if page.refill is not None:
        state.put_widget(state.COMPOSER, page.refill)
        page.refill = None
    with st.bottom, st.container(key="notice"):
        if page.notice:
            draw_notice("notice", page.notice)
        else:
            st.empty()
        commands.draw_pending()
        commands.draw_result(chat_id, actions.choose_listed)
        with st.container(key="queue", gap=None):
            queue.draw_queue(chat_id)
        with st.container(key="files-place", gap=None):
            files.draw_waiting(page.files)
    sent = st.chat_input(
        "Reply" if replying else "Ask anything",
        key=state.COMPOSER,
        max_chars=100_000,
        on_submit=actions.submit,
        args=(chat_id,),
    )
    heard, page.heard = page.heard, ""
    if sent and str(sent) != heard:
        # Streamlit knows no callback of a box that it did not draw to the end of a run: the first ones, while a page
        # loads. The words arrive all the same.
        with undisturbed():
            actions.send(chat_id, sent)
        st.rerun()
