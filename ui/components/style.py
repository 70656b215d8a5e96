"""What the whole page looks like: its title and icon, and the style sheet for what the theme cannot express."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

STATIC = Path(__file__).resolve().parent.parent / "static"
ABOUT = "**Parley** — a self-hosted chat server for a team and all its language models."


def set_up() -> None:
    """Streamlit's first call of a run."""
    st.set_page_config(
        page_title="Parley",
        page_icon=str(STATIC / "favicon.svg"),
        layout="centered",
        initial_sidebar_state="auto",
        menu_items={"About": ABOUT},
    )
    st.html(STATIC / "parley.css")
