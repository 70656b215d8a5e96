"""On a phone the sidebar covers the page: it closes when what is behind it changes. Streamlit leaves it open."""

from __future__ import annotations

import streamlit as st

from ui.components.component import component

_JS = """
export default function (component) {
  const { data } = component;
  if (window.parleyShown === data.id) return;
  window.parleyShown = data.id;
  if (!matchMedia("(max-width: 768px)").matches) return;
  const close = document.querySelector("[data-testid=stSidebarCollapseButton] button[aria-expanded=true]");
  if (close) close.click();
}
"""


def close_drawer(shown: str) -> None:
    """`shown` names what the page shows; when it changes on a narrow screen, the sidebar goes away."""
    with st.container(key="plumbing-drawer"):
        component("drawer", js=_JS)(key="drawer", data={"id": shown})
