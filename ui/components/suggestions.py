"""Commands offered while a line that begins with a slash is typed, chosen with the keyboard or the mouse.

Streamlit's message box has no such list. This one listens to the box, whose test id is Streamlit's own: a browser
test guards it, and the commands work without the list. Which commands there are and what they take is the API's word.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.components.component import component
from ui.components.light import light

_HTML = """
<div class="parley-suggestions" id="parley-suggestions" role="listbox" aria-label="Suggestions" hidden></div>
<div class="parley-heard" role="status"></div>
"""

_JS = """
export default function (component) {
  const { data, parentElement } = component;
  parentElement.parleyLeave?.();  // new data: Streamlit calls this again without the old one's leave
  const list = parentElement.querySelector(".parley-suggestions");
  const heard = parentElement.querySelector(".parley-heard");
  const isBox = (target) => target && target.matches && target.matches("[data-testid=stChatInputTextArea]");
  const most = 8;
  let box = null, rows = [], at = 0, shut = "";

  const fits = (names, begun) => {
    const wanted = begun.toLowerCase();
    const first = names.filter((name) => name.toLowerCase().startsWith(wanted));
    const inside = names.filter((name) => !first.includes(name) && name.toLowerCase().includes(wanted));
    first.sort((one, other) => (other.toLowerCase() === wanted) - (one.toLowerCase() === wanted));
    return [...first, ...inside].slice(0, most);
  };
  const offered = (text) => {
    const name = text.match(/^\\/([^\\s\\/]*)$/);
    if (name) {
      return fits(data.commands.map((one) => one.name), name[1]).map((found) => {
        const one = data.commands.find((command) => command.name === found);
        return { text: "/" + found + (one.arguments ? " " : ""), name: "/" + found, rest: one.arguments,
                 about: one.description, whole: !one.arguments };
      });
    }
    const given = text.match(/^\\/(\\S+)\\s+(.*)$/s);
    const one = given && data.commands.find((command) => command.name === given[1].toLowerCase());
    if (!one || !one.takes) return [];
    const many = one.arguments.includes(" ");
    const begun = one.takes === "models" ? given[2].split(/\\s/).pop() : given[2];
    const before = text.slice(0, text.length - begun.length);
    const names = new Map(data.choices).get(one.takes) || [];
    if (names.includes(begun)) return [];  // it stands there: Enter sends
    return fits(names, begun).map((found) =>
      ({ text: before + found + (many ? " " : ""), name: found, rest: "", about: "", whole: !many }));
  };
  const put = (text) => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const close = () => {
    rows = [];
    list.hidden = true;
    list.replaceChildren();
    heard.textContent = "";
    if (box) for (const name of ["aria-controls", "aria-activedescendant"]) box.removeAttribute(name);
  };
  const choose = (row, send) => {
    put(row.text);
    if (send && row.whole) {
      shut = row.text;
      close();
      setTimeout(() => document.querySelector("[data-testid=stChatInputSubmitButton]")?.click(), 50);
    }
    box.focus();
  };
  const mark = () => {
    [...list.children].forEach((child, index) => child.setAttribute("aria-selected", String(index === at)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", "parley-suggestion-" + at);
  };
  const part = (tag, text) => {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  };
  const draw = () => {
    list.replaceChildren(...rows.map((row, index) => {
      const option = document.createElement("div");
      option.id = "parley-suggestion-" + index;
      option.setAttribute("role", "option");
      const name = part("b", row.name);
      if (row.rest) name.append(" ", part("i", row.rest));
      option.append(name, part("span", row.about));
      option.onmousedown = (event) => { event.preventDefault(); choose(row, true); };
      option.onmousemove = () => { if (at !== index) { at = index; mark(); } };
      return option;
    }));
    const edge = (box.closest("[data-testid=stChatInput]") || box).getBoundingClientRect();
    Object.assign(list.style, { left: edge.left + "px", width: edge.width + "px",
                                bottom: innerHeight - edge.top + 6 + "px", maxHeight: edge.top - 16 + "px" });
    list.hidden = false;
    heard.textContent = rows.length + (rows.length > 1 ? " suggestions" : " suggestion");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", list.id);
    mark();
  };
  const look = () => {
    const end = box.selectionStart === box.value.length;
    rows = end && box.value.startsWith("/") && box.value !== shut ? offered(box.value) : [];
    if (box.value !== shut) shut = "";
    at = 0;
    rows.length ? draw() : close();
  };
  const typed = (event) => {
    if (!isBox(event.target)) return;
    box = event.target;
    look();
  };
  const pressed = (event) => {
    if (list.hidden || event.target !== box || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      at = (at + (event.key === "ArrowDown" ? 1 : rows.length - 1)) % rows.length;
      mark();
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) {
      choose(rows[at], event.key === "Enter");
    } else if (event.key === "Escape") {
      shut = box.value;
      close();
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const left = (event) => { if (event.target === box) close(); };
  document.addEventListener("input", typed, true);
  document.addEventListener("keydown", pressed, true);
  document.addEventListener("focusout", left, true);
  const now = document.querySelector("[data-testid=stChatInputTextArea]");
  if (now && now === document.activeElement && now.value.startsWith("/")) typed({ target: now });
  parentElement.parleyLeave = () => {
    close();
    document.removeEventListener("input", typed, true);
    document.removeEventListener("keydown", pressed, true);
    document.removeEventListener("focusout", left, true);
  };
  return parentElement.parleyLeave;
}
"""


def suggestions(commands: list[dict[str, Any]], choices: dict[str, list[str]]) -> None:
    """`choices` are the names a command may take, by what it says that it takes."""
    with st.container(key="plumbing-suggestions"):
        component("suggestions", html=_HTML, js=_JS, isolate_styles=False)(
            key="suggestions", data=light(commands=commands, choices=choices)
        )
