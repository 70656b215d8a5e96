"""axe-core on every page in both themes: nothing of WCAG's levels A and AA is broken that is ours to mend."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PLACES = ("Compare", "Images", "Prompts", "Models", "Usage", "Settings", "Admin")
TABS = {  # besides the first, which is open
    "Models": ("All models",),
    "Settings": ("Preferences", "Security", "API keys", "Slack", "Data"),
    "Admin": ("Usage", "Budgets", "Limits", "Prices", "Providers", "Settings", "Audit log"),
}
# What Streamlit itself draws so, by rule and a mark of the element; ours are not excused.
STREAMLITS: tuple[tuple[str, str], ...] = ()


def violations(person: Person, where: str) -> list[str]:
    """Rule, place and element of each. What the page draws anew is faded meanwhile: a fault is what stays one."""
    wrong: list[str] = []
    for _ in range(3):
        person.settles()
        if not (wrong := _violations(person, where)):
            break
    return wrong


def _violations(person: Person, where: str) -> list[str]:
    """Without those that are Streamlit's own."""
    found: list[Any] = Axe().run(person.page, options={"runOnly": LEVELS}).response["violations"]
    return [
        f"{where}: {rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
        for rule in found
        for node in rule["nodes"]
        if not any(rule["id"] == known and mark in node["html"] for known, mark in STREAMLITS)
    ]


def of_one_prompt(person: Person) -> list[str]:
    """The form of a prompt, its trial and its versions."""
    person.goes_to("Prompts")
    person.button("New prompt").click()
    person.field("Name").fill(f"Prompt {uuid.uuid4().hex[:8]}")
    person.field("What the model is told").fill("Translate into {{language}}.")
    person.button("Save prompt").click()
    expect(person.button("Use in a new chat")).to_be_visible()
    wrong = []
    for name in ("Text", "Try it", "Versions"):
        person.tab(name).click()
        expect(person.tab(name)).to_have_attribute("aria-selected", "true")
        wrong += violations(person, f"a prompt, {name}")
    return wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_level_a_or_aa(someone: Person, api: Server, scheme: Any) -> None:
    someone.page.emulate_media(color_scheme=scheme)
    someone.page.goto(someone.url)
    expect(someone.field("Password")).to_be_visible()
    wrong = violations(someone, "sign-in")
    someone.name, someone.password = "root", "root has a long password"
    someone.sign_in()
    someone.sees_empty_chat()
    wrong += violations(someone, "empty chat")
    someone.composer().press_sequentially("/")
    expect(someone.page.get_by_role("listbox", name="Suggestions")).to_be_visible()
    wrong += violations(someone, "suggestions")
    someone.says("demo:markdown")
    someone.sees_reply_end()
    wrong += violations(someone, "chat")
    someone.row("demo:markdown").first.hover()
    wrong += violations(someone, "a chat's row under the pointer")
    someone.button("Options for demo:markdown").first.click()
    expect(someone.page.get_by_text("Rename")).to_be_visible()
    wrong += violations(someone, "a chat's menu")
    someone.page.keyboard.press("Escape")
    for place in PLACES:
        someone.goes_to(place)
        wrong += violations(someone, place)
        for name in TABS.get(place, ()):
            someone.tab(name).click()
            expect(someone.tab(name)).to_have_attribute("aria-selected", "true")
            wrong += violations(someone, f"{place}, {name}")
    wrong += of_one_prompt(someone)
    assert not wrong, "\n".join(wrong)
