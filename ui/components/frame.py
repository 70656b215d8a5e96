"""What every page besides the chat begins with."""

from __future__ import annotations

import streamlit as st


def head(title: str, lead: str) -> None:
    """The browser's title, the page's name and one line on what it is for."""
    st.set_page_config(page_title=f"{title} · Parley")
    with st.container(key="page-head", gap=None):
        st.title(title, anchor=False)
        st.markdown(lead)
