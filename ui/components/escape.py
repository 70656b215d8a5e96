"""Esc in the composer presses Stop. A button's own shortcut would also hear the Esc that closes a menu or a dialog."""

from __future__ import annotations

import streamlit as st

from ui.components.component import component

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


def escape_presses(button_key: str) -> None:
    with st.container(key="plumbing-escape"):
        component("escape", js=_JS)(key="escape", data={"key": button_key})
