"""What the whole page looks like: its title and icon, and the style sheets for what the theme cannot express."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import streamlit as st

STATIC = Path(__file__).resolve().parent.parent / "static"
SHEETS = ("base", "sidebar", "conversation", "pages", "composer", "palette")  # what stands later wins
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
    st.html(_style())


@lru_cache(maxsize=1)
def _style() -> str:
    sheets = ((STATIC / "styles" / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)
    return f"<style>{''.join(sheets)}</style>"
