"""Shown when the page could not be drawn: says why. While the API is away, looks for it and comes back by itself."""

from __future__ import annotations

import streamlit as st

from ui.api_client import ApiClient, ApiError
from ui.components.problem import draw_problem
from ui.wording import explain


def draw_failure(error: ApiError, anonymous: ApiClient) -> None:
    if error.away:
        away(anonymous)
    else:
        draw_problem("page", explain(error).text)
        st.button("Try again", key="try-again")


def away(anonymous: ApiClient) -> None:
    with st.container(key="away"):
        st.warning(
            "**The Parley server does not answer.** Your chats are safe there. "
            "This page looks again every two seconds and comes back by itself.",
            icon=":material/cloud_off:",
        )
        _look(anonymous)


@st.fragment(run_every=2.0)
def _look(anonymous: ApiClient) -> None:
    if anonymous.healthy():
        st.rerun()
