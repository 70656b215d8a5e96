"""Puts a text on the browser's clipboard, soon after the click that asked for it."""

from __future__ import annotations

import streamlit as st

from ui.components.component import component

_JS = """
export default function (component) {
  const { data } = component;
  if (!data.id || window.parleyCopied === data.id) return;
  window.parleyCopied = data.id;
  const old = () => {  // without https there is no clipboard to write to
    const field = document.createElement("textarea");
    field.value = data.text;
    field.style.position = "fixed";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(data.text).catch(old);
  else old();
}
"""


def copy_once(click: str, text: str) -> None:
    """`click` tells one click from the next: the same text may be copied again."""
    with st.container(key="plumbing-copying"):
        component("copying", js=_JS)(key="copying", data={"id": click, "text": text})
