"""A piece of the page in JavaScript, for what Streamlit has not."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st


@cache
def component(name: str, **parts: Any) -> Any:
    """To be drawn by calling it. Streamlit is told of it once, when it is drawn first: importing has no effect."""
    return st.components.v2.component(f"parley_{name}", **parts)
