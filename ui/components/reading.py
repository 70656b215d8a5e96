"""For those who do not watch the page: a streamed reply is heard, its end is marked in a hidden tab's title, and every
text runs in its own direction. Streamlit has none of the three."""

from __future__ import annotations

import streamlit as st

from ui.components.component import component

MARK = "● "

_HTML = """
<div class="parley-heard parley-log" role="log" aria-live="polite" aria-label="The reply as it is written"></div>
"""

_JS = r"""
export default function (component) {
  const { data, parentElement } = component;
  parentElement.parleyLeave?.();  // new data: Streamlit calls this again without the old one's leave
  const log = parentElement.querySelector(".parley-log");
  const state = (window.parleyReading ||= { chat: "", running: "", said: 0, marked: false });

  // The end of a reply that nobody saw
  const title = () => {
    const bare = document.title.startsWith(data.mark) ? document.title.slice(data.mark.length) : document.title;
    const wanted = state.marked ? data.mark + bare : bare;
    if (document.title !== wanted) document.title = wanted;
  };
  const seen = () => { if (!document.hidden) { state.marked = false; title(); } };
  document.addEventListener("visibilitychange", seen);
  const titles = new MutationObserver(title);
  titles.observe(document.head, { subtree: true, childList: true, characterData: true });

  // What was written since it was read out last, in whole sentences
  const own = "[data-testid=stExpander], [data-testid=stCaptionContainer], button";
  const words = (kind) => {
    const turn = [...document.querySelectorAll(`[class*=st-key-${kind}-] [data-testid=stChatMessageContent]`)].pop();
    const parts = turn ? [...turn.querySelectorAll("[data-testid=stMarkdownContainer]")] : [];
    const text = parts.filter((part) => !part.closest(own)).map((part) => part.textContent).join(" ");
    return text.replaceAll("▍", "").replace(/\s+/g, " ");
  };
  const add = (text) => {
    const line = document.createElement("p");
    line.textContent = text;
    log.append(line);
    while (log.childElementCount > 20) log.firstElementChild.remove();
  };
  const say = (text, all) => {
    const fresh = text.slice(state.said);
    const ready = all ? fresh : (fresh.match(/^.*[.!?:;。！？؟](?=\s)/) || [""])[0];
    if (!ready.trim()) return;
    add(ready);
    state.said += ready.length;
  };
  const timer = setInterval(() => { if (data.running) say(words("running"), false); }, 1500);
  if (data.running !== state.running || data.chat !== state.chat) {
    if (state.running && !data.running && data.chat === state.chat) {
      const from = state.said;
      setTimeout(() => {  // the whole reply is drawn after this
        state.said = from;
        say(words("turn-assistant"), true);
        add(data.ended);
      }, 500);
      if (document.hidden) { state.marked = true; title(); }
    }
    Object.assign(state, { chat: data.chat, running: data.running, said: 0 });
  }

  // Each paragraph, list and cell in the direction of its own words
  const texts = ":is(p, ul, ol, h1, h2, h3, h4, h5, h6, blockquote, td, th, textarea, [data-testid=stText]):not([dir])";
  let due = 0;
  const direct = () => {
    due = 0;
    document.querySelectorAll(texts).forEach((one) => { if (!one.closest("pre, .katex")) one.dir = "auto"; });
  };
  const drawn = new MutationObserver(() => { due ||= requestAnimationFrame(direct); });
  drawn.observe(document.body, { subtree: true, childList: true });
  direct();
  parentElement.parleyLeave = () => {
    document.removeEventListener("visibilitychange", seen);
    titles.disconnect();
    drawn.disconnect();
    clearInterval(timer);
    cancelAnimationFrame(due);
  };
  return parentElement.parleyLeave;
}
"""


def reading(chat_id: str, running: str, ended: str) -> None:
    """`running` is the reply that is written now, `ended` what is said when it is over."""
    with st.container(key="plumbing-reading"):
        component("reading", html=_HTML, js=_JS, isolate_styles=False)(
            key="reading", data={"chat": chat_id, "running": running, "ended": ended, "mark": MARK}
        )
