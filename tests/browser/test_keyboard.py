"""The twelve commonest tasks without a mouse: no trap, and the keyboard stands where one goes on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person
from tests.server import until
from ui.render import spoken

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
MOST_STEPS = 120


def walks_to(person: Person, wanted: Locator, key: str = "Tab") -> None:
    """By Tab, however often; fails where the way never leads there."""
    expect(wanted).to_be_visible()
    for _ in range(MOST_STEPS):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        person.page.keyboard.press(key)
    raise AssertionError(f"{key} never led to {wanted}")


def presses(person: Person, name: str, *, back: bool = False) -> None:
    walks_to(person, person.button(name).last, "Shift+Tab" if back else "Tab")
    person.page.keyboard.press("Enter")


def goes_by_palette(person: Person, words: str) -> None:
    person.page.keyboard.press("Control+k")
    expect(person.page.get_by_role("combobox", name="Find or do")).to_be_focused()
    person.page.keyboard.type(words)
    first = person.page.locator(".parley-palette [role=option]").first
    expect(first).to_contain_text(re.compile(words, re.IGNORECASE))
    person.page.keyboard.press("Enter")


def opens_menu_of(person: Person, title: str, *keys: str) -> None:
    walks_to(person, person.button(f"Options for {spoken(title)}"))
    person.page.keyboard.press("Enter")
    expect(person.page.locator("[role=menu]:focus-within")).to_be_visible()
    for key in (*keys, "Enter"):
        person.page.keyboard.press(key)


def test_everyday_tasks_are_done_by_keyboard_alone(someone: Person) -> None:
    page, keys = someone.page, someone.page.keyboard
    page.goto(someone.url)
    expect(someone.field("Email or username")).to_be_focused()
    presses(someone, "Create an account")
    expect(someone.field("Email")).to_be_focused()
    keys.type(f"{someone.name}@example.com")
    walks_to(someone, someone.field("Username"))
    keys.type(someone.name)
    walks_to(someone, someone.field("Password"))
    keys.type(someone.password)
    keys.press("Enter")
    someone.sees_empty_chat()
    expect(someone.composer()).to_be_focused()
    keys.type("demo:fast the first answer")
    keys.press("Enter")
    expect(someone.bubble("the first answer")).to_be_visible()
    someone.sees_reply_end()

    keys.press("Control+Shift+O")
    someone.sees_empty_chat()
    expect(someone.composer()).to_be_focused()
    model = page.get_by_role("combobox", name="Model")
    walks_to(someone, model)

    def chosen() -> bool:  # a list shuts when the page behind it moves: then once more
        keys.press("Control+a")
        keys.type("thinking")
        page.wait_for_timeout(300)  # the list comes in the browser's own time
        if page.get_by_role("option").filter(has_text="demo-thinking").count() != 1:
            return False
        keys.press("ArrowDown")
        keys.press("Enter")
        page.wait_for_timeout(300)
        return "demo-thinking" in model.input_value()

    until(chosen, what="the model to be chosen")
    expect(model).to_be_focused()
    someone.settles()

    walks_to(someone, someone.composer(), "Shift+Tab")
    keys.type("demo:fast to be changed")
    keys.press("Enter")
    expect(someone.bubble("to be changed")).to_be_visible()
    someone.sees_reply_end()
    presses(someone, "Answer again", back=True)
    expect(page.get_by_text("2/2")).to_be_visible()
    someone.sees_reply_end()
    presses(someone, "Edit message", back=True)
    expect(someone.field("Your message")).to_be_focused()
    keys.press("Control+a")
    keys.type("demo:fast was changed")
    presses(someone, "Send")
    expect(someone.bubble("was changed")).to_be_visible()
    someone.sees_reply_end()
    walks_to(someone, someone.composer())
    keys.type("demo:count 5000")
    keys.press("Enter")
    expect(someone.reply()).to_contain_text("4 5 6")
    keys.press("Escape")
    expect(someone.reply()).to_contain_text("Stopped")


def test_finding_ordering_and_setting_up_by_keyboard_alone(ada: Person) -> None:
    page, keys = ada.page, ada.page.keyboard
    ada.says("demo:fast about whales")
    ada.sees_reply_end()
    keys.press("Control+Shift+O")
    ada.sees_empty_chat()
    goes_by_palette(ada, "whales")
    expect(ada.bubble("about whales")).to_be_visible()
    ada.settles()
    opens_menu_of(ada, "demo:fast about whales", "ArrowDown", "ArrowUp")
    expect(ada.field("Title")).to_be_focused()
    keys.press("Control+a")
    keys.type("Whales")
    keys.press("Enter")
    expect(ada.row("Whales")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    ada.settles()
    opens_menu_of(ada, "Whales", "ArrowDown", "End")
    expect(ada.button("Cancel")).to_be_focused()
    presses(ada, "Delete chat", back=True)
    ada.sees_empty_chat()
    expect(ada.row("Whales")).to_have_count(0)

    goes_by_palette(ada, "models")
    walks_to(ada, page.locator(".st-key-add-openai button"))
    keys.press("Enter")
    expect(ada.field("API key")).to_be_focused()
    keys.type("sk-a-key-of-our-own-0123456789")
    presses(ada, "Add model")
    expect(page.locator("[class*=st-key-line-config-]")).to_contain_text("sk-…6789")
    goes_by_palette(ada, "prompts")
    presses(ada, "New prompt")
    expect(ada.field("Name")).to_be_focused()
    keys.type("Short")
    keys.press("Tab")
    keys.type("Answer in one sentence.")
    presses(ada, "Save prompt")
    expect(ada.button("Use in a new chat")).to_be_visible()
    goes_by_palette(ada, "usage")
    expect(page.get_by_role("heading", name="Usage", level=1)).to_be_visible()
