"""Carries a one-time ticket from the page to the cookie route, and at sign-out asks the route to drop the cookie."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.components.component import component
from ui.components.light import light

_JS = """
export default function (component) {
  const { data, setTriggerValue } = component;
  if (window.parleyTicket === data.ticket) return;  // drawn again: the ticket is on its way or spent
  window.parleyTicket = data.ticket;
  const here = location.pathname;
  const root = location.origin + data.pages.reduce((path, page) => path.replace(new RegExp(`/${page}/?$`), "/"), here);
  fetch(root + data.path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-Requested-By": "parley" },
    body: JSON.stringify({ ticket: data.ticket }),
  })
    .then((answer) => answer.status, () => 0)
    .then((status) => {
      if (data.reload) {
        for (const key of Object.keys(sessionStorage)) if (key.startsWith("parley-")) sessionStorage.removeItem(key);
        location.replace(root);
      } else {
        setTriggerValue("done", status);
      }
    });
}
"""


def exchange(ticket: str, on_done: Callable[[], None], pages: list[str]) -> int | None:
    """Draws nothing. Redeems the ticket in the browser; gives the route's status in the run that follows."""
    with st.container(key="plumbing-exchange"):
        result = component("exchange", js=_JS)(
            key="exchange",
            data=light(path="auth/exchange", ticket=ticket, reload=False, pages=pages),
            on_done_change=on_done,
        )
    return getattr(result, "done", None)


def leave(pages: list[str]) -> None:
    """Drops the cookie and loads the page anew, so that nothing of the old session is left in the tab."""
    with st.container(key="plumbing-leave"):
        data = light(path="auth/logout", ticket="none", reload=True, pages=pages)
        component("exchange", js=_JS)(key="leave", data=data, on_done_change=_nothing)


def _nothing() -> None:
    return None
