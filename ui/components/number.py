"""A number that may be left out. Streamlit's own goes back to its first value when it is emptied; this one is empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui import state


@dataclass(frozen=True)
class Span:
    least: float
    most: float
    step: float | None = None


def optional_number(title: str, span: Span, value: Any, key: str, placeholder: str) -> None:
    if key not in st.session_state:
        state.put_widget(key, value)
    st.number_input(title, span.least, span.most, None, span.step, key=key, placeholder=placeholder)
