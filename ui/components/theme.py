"""The choice of light, dark or the system's colours.

Streamlit keeps a visitor's choice in localStorage, one entry a page path, and reads it when the page loads; Python
cannot set it. This writes the entry of every page and loads the page anew. The entry's name is Streamlit's own:
the version is pinned and a browser test guards it.
"""

from __future__ import annotations

from ui.components.component import component
from ui.components.light import light

_HTML = """
<div role="group" aria-label="Colours">
  <button type="button" data-choice="System">System</button>
  <button type="button" data-choice="Light">Light</button>
  <button type="button" data-choice="Dark">Dark</button>
</div>
"""

_CSS = """
[role="group"] {
  display: grid;
  grid-template-columns: repeat(3, 1fr);
  gap: 2px;
  padding: 3px;
  border-radius: var(--st-button-radius);
  background: var(--st-secondary-background-color);
}
button {
  font: inherit;
  font-size: 0.875rem;
  min-height: 2.25rem;
  border: 0;
  border-radius: calc(var(--st-button-radius) - 3px);
  background: transparent;
  color: var(--st-text-color);
  cursor: pointer;
}
button[aria-pressed="true"] {
  background: var(--st-background-color);
  font-weight: 600;
  box-shadow: 0 1px 2px rgb(0 0 0 / 0.15);
}
button:focus-visible {
  outline: 2px solid var(--st-primary-color);
  outline-offset: 1px;
}
"""

_JS = """
export default function (component) {
  const { data, parentElement } = component;
  const name = (path) => "stActiveTheme-" + path + "-v2";
  const here = location.pathname;
  const root = data.paths.reduce((path, page) => path.replace(new RegExp(page + "/?$"), ""), here);
  const read = () => {
    try {
      return JSON.parse(localStorage.getItem(name(here))) || "System";
    } catch {
      return "System";
    }
  };
  const chosen = read();
  parentElement.querySelectorAll("button").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.choice === chosen));
    button.onclick = () => {
      if (button.dataset.choice === read()) return;
      for (const page of ["", ...data.paths]) {
        localStorage.setItem(name(root + page), JSON.stringify(button.dataset.choice));
      }
      location.reload();
    };
  });
}
"""


def theme_choice(page_paths: list[str]) -> None:
    """Three buttons. `page_paths` are the URL paths of the pages besides the first."""
    component("theme", html=_HTML, css=_CSS, js=_JS)(key="theme", data=light(paths=page_paths))
