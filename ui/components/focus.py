"""Puts the keyboard where a person will type first, and the newest words in sight. Streamlit has neither of its own."""

from __future__ import annotations

import streamlit as st

from ui.components.component import component

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
    const opensKeyboard = field.tagName !== "BUTTON" && matchMedia("(pointer: coarse)").matches;
    const amongTabs = document.activeElement?.matches("[role=tab]:focus-visible");  // whoever walks there by keys stays
    if (!opensKeyboard && !amongTabs) field.focus({ preventScroll: true });
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


_TO_MESSAGE = """
export default function (component) {
  const { data } = component;
  if (window.parleyEnd === data.id) return;
  const found = () => document.querySelector(`[class*="st-key-turn-"][class*="-${data.id}"]`);
  const drawn = () => document.querySelector("[data-testid=stApp]")?.dataset.testScriptState !== "running";
  let tries = 0, still = 0, top = null, moved = false;  // `still` for 1.5 s, or 3 s while a reply is written
  const hands = ["wheel", "touchstart", "pointerdown", "keydown"];
  const byHand = () => { moved = true; };

  // In its place until nothing moves it any more: what is drawn around it still grows, and Streamlit follows the end
  const hold = () => {
    const turn = found();
    if (moved || window.parleyEnd !== data.id || still > 30 || tries++ > 300) {
      hands.forEach((kind) => removeEventListener(kind, byHand, true));
      return;
    }
    if (turn && turn.getBoundingClientRect().top !== top) {
      turn.classList.add("parley-found");
      turn.scrollIntoView({ block: "center" });
      top = turn.getBoundingClientRect().top;
      still = 0;
    } else still += drawn() ? 2 : 1;
    setTimeout(hold, 100);
  };
  const look = () => {
    const turn = found();
    if (!turn) {
      if (tries++ < 100) setTimeout(look, 100);
      return;
    }
    window.parleyEnd = data.id;
    turn.tabIndex = -1;
    turn.focus({ preventScroll: true });
    hands.forEach((kind) => addEventListener(kind, byHand, { capture: true, passive: true }));
    hold();
  };
  look();
}
"""


_AFTER_DOWNLOADS = """
export default function () {
  if (window.parleyDownloads) return;
  window.parleyDownloads = true;
  let last = null;
  // While Streamlit fetches a file its button is disabled, and the keyboard is nowhere
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("[data-testid=stDownloadButton] button");
    if (!pressed || document.activeElement !== pressed) return;
    const key = pressed.closest("[class*=st-key-]")?.className.match(/st-key-[^ ]+/)?.[0];
    const button = () => (pressed.isConnected ? pressed : key && document.querySelector(`.${key} button`));
    let tries = 0, lost = false;
    last = event;
    const look = () => {
      if (last !== event) return;  // another one was pressed
      const now = document.activeElement, nowhere = !now || now === document.body;
      lost ||= nowhere;
      if (!nowhere && now !== button()) return;  // it was taken elsewhere
      if (lost && nowhere && button() && !button().disabled) return button().focus({ preventScroll: true });
      if (tries++ < (lost ? 1200 : 40)) setTimeout(look, 50);
    };
    look();
  }, true);
}
"""


def focus(widget_key: str, when: str = "") -> None:
    """Focuses the widget of that key once, and again when `when` is another word than the last time."""
    with st.container(key=f"plumbing-focus-{widget_key}"):
        component("focus", js=_FOCUS)(key=f"focus-{widget_key}", data={"key": widget_key, "id": f"{widget_key} {when}"})


def to_end(when: str, *, gently: bool = False) -> None:
    """Scrolls to the end of the page once for each `when`; from there Streamlit follows the text.

    `gently`: only for a reader who is near the end, not for one who scrolled up to read.
    """
    with st.container(key="plumbing-to-end"):
        component("to_end", js=_TO_END)(key="to-end", data={"id": when, "gently": gently})


def to_message(message_id: str) -> None:
    """Scrolls to a message once, marks it and puts the keyboard there."""
    with st.container(key="plumbing-to-message"):
        component("to_message", js=_TO_MESSAGE)(key="to-message", data={"id": message_id})


def keep_after_downloads() -> None:
    """Whoever downloads a file stays on the button that they pressed."""
    with st.container(key="plumbing-after-downloads"):
        component("after_downloads", js=_AFTER_DOWNLOADS)(key="after-downloads", data={})
