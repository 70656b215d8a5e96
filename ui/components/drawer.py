"""On a phone the sidebar covers the page: it closes when what is behind it changes. Streamlit leaves it open."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import streamlit as st

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


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component("parley_drawer", js=_JS)


def close_drawer(shown: str) -> None:
    """`shown` names what the page shows; when it changes on a narrow screen, the sidebar goes away."""
    with st.container(key="plumbing-drawer"):
        _component()(key="drawer", data={"id": shown})
