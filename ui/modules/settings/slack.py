"""Draws the link to Slack: a code to send there once, who is linked, and its end."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError
from ui.components.problem import draw_problem
from ui.components.question import ask
from ui.render import literal
from ui.sign_in.current import my_client
from ui.wording import ago, explain, when

LOOK_SECONDS = 3.0


def draw_slack(api: ApiClient) -> None:
    link = api.slack_link()
    if not link.available:
        st.markdown("This server has no Slack app. Whoever runs it can set one up: docs/slack.md.")
        return
    st.markdown(
        "As a linked Slack user you ask with `/ask`, list prompts with `/roles` and choose one with `/role`, under "
        "your account's limits. Only you see the answers, in Slack and here."
    )
    draw_problem("slack", state.page().form_errors.get(""))
    if link.user:
        state.page().slack_code = None
        since = f" · since {ago(link.linked_at)}" if link.linked_at else ""
        with st.container(key="line-slack", horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**Linked:** {literal(link.user)}  \n:gray[{literal(f'workspace {link.team}')}{literal(since)}]"
            )
            st.button("Unlink", key="slack-unlink", type="tertiary", on_click=_ask_to_unlink)
        st.caption("To link another Slack user, unlink this one first.")
        return
    code = state.page().slack_code
    left = (code.expires_at - datetime.now(UTC)).total_seconds() if code else 0.0
    if code and left > 0:
        with st.container(key="slack-code", border=True):
            st.markdown(f"Send this in Slack, once. It ends {when(left, 'soon')}.")
            st.code(code.command, language=None)
            st.caption("This page says so as soon as it has arrived.")
            _look(api)
    else:
        st.button("Make another code" if code else "Make a code", key="slack-make", type="primary", on_click=_make)


@st.fragment(run_every=LOOK_SECONDS)
def _look(api: ApiClient) -> None:
    """Until it was sent, or its time is over."""
    code = state.page().slack_code
    if code is None or code.expires_at < datetime.now(UTC):
        st.rerun()
    try:
        if api.slack_link().user:
            st.rerun()
    except ApiError as error:
        draw_problem("slack-look", explain(error).text)


def _make() -> None:
    page = state.page()
    page.form_errors = {}
    try:
        page.slack_code = my_client().new_slack_code()
    except ApiError as error:
        page.form_errors = {"": explain(error).text}


def _ask_to_unlink() -> None:
    ask("Unlink this Slack user?", "Its commands are refused at once. Your chats stay.", "Unlink", _unlink)


def _unlink() -> str:
    try:
        my_client().unlink_slack()
    except ApiError as error:
        if error.status != 404:
            return explain(error).text
    return ""
