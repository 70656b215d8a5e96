"""What is being typed, kept in the tab for each chat: a reload loses none of it, and no chat shows another one's.

It stays in this tab's own storage, under the person's id, and goes when they sign out.
"""

from __future__ import annotations

import streamlit as st

from ui.components.component import component
from ui.components.light import light

_JS = r"""
export default function (component) {
  const { data, parentElement } = component;
  parentElement.parleyLeave?.();  // new data: Streamlit calls this again without the old one's leave
  const here = "parley-draft " + data.user + " " + data.chat;
  const find = () => document.querySelector("[data-testid=stChatInputTextArea]");
  const put = (box, text) => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const store = (key, text) => {
    if (text) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  };
  const keep = () => {
    const box = find();
    if (!box || window.parleyDraft !== here || waiting) return;
    store(here, [...data.queued, box.value].filter((part) => part.trim()).join("\n\n"));
  };
  let waiting = 0;
  const restore = (text) => {  // the box may be made anew while the page loads
    waiting = 4;
    const again = () => {
      const box = find();
      if (waiting && box && !box.value) put(box, text);
      if (waiting && --waiting) setTimeout(again, 400);
    };
    again();
  };
  const begin = () => {
    const box = find();
    if (!box || window.parleyDraft === here) return;
    const stored = data.queued.length ? "" : sessionStorage.getItem(here) || "";
    const before = window.parleyDraft;
    window.parleyDraft = here;
    if (data.begun_here && before === "parley-draft " + data.user + " ") {  // the words go along
      store(before, "");
      store(here, box.value);
    } else if (before !== undefined && window.parleyStood === "" && box.value.trim() && box.value !== data.refill) {
      store(before, "");  // typed after the click that led here, while the page was still on its way
      store(here, [stored, box.value].filter(Boolean).join("\n\n"));
      if (stored) put(box, sessionStorage.getItem(here));
    } else if (before !== undefined) {
      const typed = !data.refill || box.value !== data.refill;  // else the page put it there for this chat
      if (typed) store(before, box.value);
      if (typed && box.value !== stored) put(box, stored);
    } else if (!box.value && stored) restore(stored);
  };
  begin();
  const typed = (event) => {
    if (event.target !== find()) return;
    if (event.isTrusted) waiting = 0;
    keep();
  };
  document.addEventListener("input", typed);
  const look = () => { window.parleyDraft === here ? keep() : begin(); };
  const sent = (event) => { if (event.key === "Enter" && event.target === find()) setTimeout(look, 0); };
  const away = (event) => { if (event.target !== find()) window.parleyStood = find()?.value; };
  const AWAY = ["pointerdown", "click", "keydown", "popstate"];
  AWAY.forEach((kind) => window.addEventListener(kind, away, true));
  document.addEventListener("keydown", sent);  // who reloads at once finds no draft of what was sent
  const timer = setInterval(look, 300);  // the box may come late; what was sent, or put back, makes no event
  parentElement.parleyLeave = () => {
    document.removeEventListener("input", typed);
    document.removeEventListener("keydown", sent);
    AWAY.forEach((kind) => window.removeEventListener(kind, away, true));
    waiting = 0;
    clearInterval(timer);
  };
  return parentElement.parleyLeave;
}
"""


def keep_draft(user_id: str, chat_id: str, queued: list[str], refill: str = "", *, begun_here: bool = False) -> None:
    """`refill` is what the page itself just put into the box. `queued` are messages that wait for a reply's end: they
    are words in the box again after a reload. `begun_here`: the empty page has become this chat, the box with it."""
    given = light(user=user_id, chat=chat_id, queued=queued, refill=refill, begun_here=begun_here)
    with st.container(key="plumbing-drafts"):
        component("drafts", js=_JS)(key="drafts", data=given)
