"""Ctrl+K: go anywhere and do anything by typing a few letters of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import streamlit as st

KEY = "palette"

_HTML = """
<dialog class="parley-palette" aria-label="Go to or do">
  <input type="text" role="combobox" aria-expanded="true" aria-controls="parley-palette-list"
    aria-autocomplete="list" aria-label="Go to or do" placeholder="A chat, a page, or what you want to do"
    autocomplete="off" spellcheck="false" />
  <div id="parley-palette-list" role="listbox" aria-label="What there is"></div>
  <p class="parley-palette-none" hidden>Nothing fits these words.</p>
</dialog>
"""

_JS = r"""
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  parentElement.parleyLeave?.();  // new data: Streamlit calls this again without the old one's leave
  const dialog = parentElement.querySelector("dialog");
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const none = dialog.querySelector(".parley-palette-none");
  let rows = [], at = 0;

  const fitting = () => {
    const wanted = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (entry) => wanted.every((word) => entry.title.toLowerCase().includes(word));
    const found = data.entries.filter(fits).slice(0, 12);
    const asked = input.value.trim();
    const everywhere = { kind: "search", id: asked, title: `${data.search} “${asked}”`, what: "" };
    return asked && data.search ? [...found, everywhere] : found;
  };
  const mark = () => {
    [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
    if (rows.length) input.setAttribute("aria-activedescendant", "parley-palette-" + at);
    else input.removeAttribute("aria-activedescendant");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const choose = (row) => {
    dialog.close();
    setTriggerValue("chosen", { kind: row.kind, id: row.id });
  };
  const draw = () => {
    rows = fitting();
    at = 0;
    none.hidden = rows.length > 0;
    list.replaceChildren(...rows.map((row, index) => {
      const option = document.createElement("div");
      option.id = "parley-palette-" + index;
      option.setAttribute("role", "option");
      for (const [tag, text] of [["b", row.title], ["span", row.what]]) {
        const part = document.createElement(tag);
        part.textContent = text;
        part.dir = "auto";
        option.append(part);
      }
      option.onclick = () => choose(row);
      option.onmousemove = () => { if (at !== index) { at = index; mark(); } };
      return option;
    }));
    mark();
  };
  const open = () => {
    if (dialog.open || document.querySelector("[data-testid=stDialog]")) return;
    input.value = "";
    draw();
    dialog.showModal();
    input.focus();
  };
  input.oninput = draw;
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
  if (dialog.open) draw();
  parentElement.parleyLeave = () => {
    document.removeEventListener("keydown", pressed, true);
    document.removeEventListener("click", opener, true);
  };
  return parentElement.parleyLeave;
}
"""


@lru_cache(maxsize=1)
def _component() -> Any:
    return st.components.v2.component("parley_palette", html=_HTML, js=_JS, isolate_styles=False)


def palette(entries: list[dict[str, str]], on_chosen: Callable[[], None], search: str = "") -> None:
    """Each entry has `kind` and `id`, which `chosen` gives back, a `title`, and `what` it is."""
    with st.container(key="plumbing-palette"):
        _component()(key=KEY, data={"entries": entries, "search": search}, on_chosen_change=on_chosen)


def chosen() -> tuple[str, str]:
    """In the callback: the kind and the id of what was taken."""
    value = getattr(st.session_state.get(KEY), "chosen", None) or {}
    return str(value.get("kind") or ""), str(value.get("id") or "")
