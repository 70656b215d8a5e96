"""Shown while the API does not answer: says so, looks every two seconds, and brings the page back by itself."""

from __future__ import annotations

import streamlit as st

from ui.api_client import ApiClient


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
