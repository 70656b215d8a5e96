"""Ctrl+K: go anywhere and do anything by typing a few letters of it; words in messages are searched as one types."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.components.component import component
from ui.components.light import light

KEY = "palette"
SEARCH_PATH = "/page/search"  # `ui.search` answers there
AWAY = "Messages cannot be searched just now. Nothing is lost: try again in a moment."

_HTML = """
<dialog class="parley-palette" aria-label="Find or do">
  <input type="text" role="combobox" aria-expanded="true" aria-controls="parley-palette-list"
    aria-autocomplete="list" aria-label="Find or do" placeholder="Words in messages, a chat, a page, or what to do"
    autocomplete="off" spellcheck="false" maxlength="500" />
  <div id="parley-palette-list" role="listbox" aria-label="What there is"></div>
  <p class="parley-palette-none" role="status"></p>
  <p class="parley-palette-hint">Narrow it: in:title · before:2026-06 · after:2026-01-31 · folder:"Work" · tag:idea</p>
</dialog>
"""

_JS = r"""
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  parentElement.parleyLeave?.();  // new data: Streamlit calls this again without the old one's leave
  const dialog = parentElement.querySelector("dialog");
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const status = dialog.querySelector(".parley-palette-none");
  const kept = (parentElement.parleyFound ||= { asked: "", rows: [], next: "", said: "" });
  let rows = [], at = 0, timer = 0, call = null;

  const typed = () => input.value.trim();
  const fitting = () => {
    const wanted = typed().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (entry) => wanted.every((word) => entry.title.toLowerCase().includes(word));
    const here = data.entries.filter(fits).slice(0, kept.rows.length && kept.asked === typed() ? 6 : 12);
    const found = kept.asked === typed() ? kept.rows.filter((row) => !here.some((one) => one.id === row.id)) : [];
    const more = { kind: "more", id: "more", title: "Show more", what: "" };
    return [...here, ...found, ...(kept.asked === typed() && kept.next ? [more] : [])];
  };
  const mark = () => {
    [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
    if (rows.length) input.setAttribute("aria-activedescendant", "parley-palette-" + at);
    else input.removeAttribute("aria-activedescendant");
    list.children[at]?.scrollIntoView({ block: "nearest" });
    kept.chosen = at ? rows[at]?.id : undefined;  // also when the page is drawn anew under it
  };
  const choose = (row) => {
    if (row.kind === "more") { ask(kept.next); return; }
    dialog.close();
    setTriggerValue("chosen", { kind: row.kind, id: row.id });
  };
  const part = (tag, text) => {
    const element = document.createElement(tag);
    element.textContent = text;
    element.dir = "auto";
    return element;
  };
  const draw = () => {
    rows = fitting();
    at = Math.max(0, rows.findIndex((row) => kept.chosen !== undefined && row.id === kept.chosen));
    list.replaceChildren(...rows.map((row, index) => {
      const option = document.createElement("div");
      option.id = "parley-palette-" + index;
      option.setAttribute("role", "option");
      option.append(part("b", row.title), part("span", row.what));
      if (row.parts?.length) {
        const words = part("p", "");
        words.append(...row.parts.map(([text, hit]) => (hit ? part("mark", text) : text)));
        option.append(words);
      }
      option.onclick = () => choose(row);
      option.onmousemove = () => { if (at !== index) { at = index; mark(); } };
      return option;
    }));
    const answered = kept.said || (rows.length ? "" : "Nothing fits these words.");
    status.textContent = !typed() ? "" : kept.asked === typed() ? answered : "Searching…";
    mark();
  };
  const pages = data.pages.reduce((path, page) => path.replace(new RegExp(`/${page}/?$`), "/"), location.pathname);
  const ask = async (cursor) => {
    call?.abort();
    const mine = (call = new AbortController()), asked = typed();
    const show = (answer) => {
      Object.assign(kept, { asked, next: answer.next || "", said: answer.error || (answer.notes || []).join(" ") });
      kept.rows = [...(cursor ? kept.rows : []), ...(answer.items || [])];
      draw();
    };
    try {
      const answer = await fetch(location.origin + pages + data.path.slice(1), {
        method: "POST", credentials: "same-origin", signal: mine.signal,
        headers: { "Content-Type": "application/json", "X-Requested-By": "parley" },
        body: JSON.stringify({ q: asked, cursor, user: data.user }),
      });
      const body = await answer.json();
      if (mine === call) show(body);
    } catch (error) {
      if (mine === call && error.name !== "AbortError") show({ error: data.away });
    }
  };
  const look = () => {
    clearTimeout(timer);
    call?.abort();
    call = null;
    if (!typed()) Object.assign(kept, { asked: "", rows: [], next: "", said: "" });
    else if (kept.asked !== typed()) timer = setTimeout(() => ask(""), 180);
    draw();
  };
  const open = () => {
    if (dialog.open || document.querySelector("[data-testid=stDialog]")) return;
    input.value = "";
    kept.chosen = undefined;
    look();
    dialog.showModal();
    input.focus();
  };
  input.oninput = () => { kept.chosen = undefined; look(); };
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.onkeydown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      at = rows.length ? (at + (event.key === "ArrowDown" ? 1 : rows.length - 1)) % rows.length : 0;
      mark();
    } else if (event.key === "Enter" && !event.isComposing) {
      if (rows[at]) choose(rows[at]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const pressed = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    dialog.open ? dialog.close() : open();
  };
  document.addEventListener("keydown", pressed, true);
  const opener = (event) => { if (event.target.closest?.(".st-key-palette-open button")) open(); };
  document.addEventListener("click", opener, true);
  if (dialog.open) look();
  parentElement.parleyLeave = () => {
    document.removeEventListener("keydown", pressed, true);
    document.removeEventListener("click", opener, true);
    clearTimeout(timer);
    call?.abort();
  };
  return parentElement.parleyLeave;
}
"""


def palette(entries: list[dict[str, str]], on_chosen: Callable[[], None], *, user: str, pages: list[str]) -> None:
    """Each entry has `kind` and `id`, which `chosen` gives back, a `title`, and `what` it is. `user` is whose messages
    are searched, `pages` the paths at which this one may be."""
    data = light(entries=entries, user=user, pages=pages, path=SEARCH_PATH, away=AWAY)
    with st.container(key="plumbing-palette"):
        component("palette", html=_HTML, js=_JS, isolate_styles=False)(key=KEY, data=data, on_chosen_change=on_chosen)


def chosen() -> tuple[str, str]:
    """In the callback: the kind and the id of what was taken."""
    value = getattr(st.session_state.get(KEY), "chosen", None) or {}
    return str(value.get("kind") or ""), str(value.get("id") or "")
