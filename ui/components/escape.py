"""Esc in the composer presses Stop. A button's own shortcut would also hear the Esc that closes a menu or a dialog."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

_JS = """
export default function (component) {
  const { data } = component;
  const pressed = (event) => {
    const typing = event.target.matches && event.target.matches("[data-testid=stChatInputTextArea]");
    const button = document.querySelector(`.st-key-${data.key} button`);
    if (event.key === "Escape" && typing && button) button.click();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
"""


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component("parley_escape", js=_JS)


def escape_presses(button_key: str) -> None:
    with st.container(key="plumbing-escape"):
        _component()(key="escape", data={"key": button_key})
