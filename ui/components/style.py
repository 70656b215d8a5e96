"""The one style sheet the theme cannot express: layout and edges, no colours of its own (it mixes the theme's)."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

STATIC = Path(__file__).resolve().parent.parent / "static"


def apply_style() -> None:
    st.html(STATIC / "parley.css")
