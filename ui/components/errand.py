"""Work that takes longer than a page may stand still: done in a thread of its own, its end looked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")
LOOK_SECONDS = 0.5


def begin(work: Callable[[], T]) -> Future[T]:
    """`work` may use nothing of Streamlit: it belongs to no run."""
    errand: Future[T] = Future()

    def run() -> None:
        try:
            errand.set_result(work())
        except Exception as error:  # told by whoever asks for the result
            errand.set_exception(error)

    threading.Thread(target=run, name="errand", daemon=True).start()
    return errand


@st.fragment(run_every=LOOK_SECONDS)
def watch(*errands: Future[Any]) -> None:
    """Draws the page anew when one of them is over."""
    if any(errand.done() for errand in errands):
        st.rerun()
