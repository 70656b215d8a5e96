"""Puts the keyboard where a person will type first, and the newest words in sight. Streamlit has neither of its own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

_FOCUS = """
export default function (component) {
  const { data } = component;
  if (window.parleyFocused === data.id) return;
  const wanted = ["input", "textarea", "button"].map((kind) => `.st-key-${data.key} ${kind}`).join(", ");
  let tries = 0;
  const look = () => {
    const field = document.querySelector(wanted);
    if (!field) {
      if (tries++ < 40) setTimeout(look, 50);
      return;
    }
    window.parleyFocused = data.id;
    const opensKeyboard = field.tagName === "TEXTAREA" && matchMedia("(pointer: coarse)").matches;
    if (!opensKeyboard) field.focus({ preventScroll: true });
  };
  look();
}
"""

_TO_END = """
export default function (component) {
  const { data } = component;
  if (window.parleyEnd === data.id) return;
  window.parleyEnd = data.id;
  const page = document.querySelector("[data-testid=stAppScrollToBottomContainer]");
  if (!page) return;
  const left = () => page.scrollHeight - page.scrollTop - page.clientHeight;
  if (data.gently && left() > 320) return;
  for (const wait of [0, 150, 500]) setTimeout(() => page.scrollTo({ top: page.scrollHeight }), wait);
}
"""


@lru_cache(maxsize=1)
def _focus() -> Any:
    return st.components.v2.component("parley_focus", js=_FOCUS)


@lru_cache(maxsize=1)
def _to_end() -> Any:
    return st.components.v2.component("parley_to_end", js=_TO_END)


def focus(widget_key: str, when: str = "") -> None:
    """Focuses the widget of that key once, and again when `when` is another word than the last time."""
    with st.container(key=f"plumbing-focus-{widget_key}"):
        _focus()(key=f"focus-{widget_key}", data={"key": widget_key, "id": f"{widget_key} {when}"})


def to_end(when: str, *, gently: bool = False) -> None:
    """Scrolls to the end of the page once for each `when`; from there Streamlit follows the text.

    `gently`: only for a reader who is near the end, not for one who scrolled up to read.
    """
    with st.container(key="plumbing-to-end"):
        _to_end()(key="to-end", data={"id": when, "gently": gently})
