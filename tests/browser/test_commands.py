"""Slash commands by keyboard: offered while one types, chosen, carried out, refused with the words kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def types(person: Person, *keys: str) -> None:
    """Words are typed, names of keys are pressed, all in the message box."""
    for key in keys:
        if key in {"Enter", "Tab", "Escape", "ArrowDown", "ArrowUp"}:
            person.composer().press(key)
        else:
            person.composer().press_sequentially(key)


def marked(person: Person) -> Locator:
    """The suggestion that Enter would take."""
    return person.page.get_by_role("listbox", name="Suggestions").get_by_role("option", selected=True)


def test_a_command_is_chosen_and_carried_out_by_keyboard_alone(ada: Person) -> None:
    suggestions = ada.page.get_by_role("listbox", name="Suggestions")
    types(ada, "/mod")
    expect(marked(ada)).to_contain_text("/models")
    types(ada, "ArrowDown")
    expect(marked(ada)).to_contain_text("Let this model answer in this chat")
    assert ada.composer().get_attribute("aria-activedescendant") == marked(ada).get_attribute("id")
    types(ada, "Tab")
    expect(ada.composer()).to_have_value("/model ")
    types(ada, "think")
    expect(marked(ada)).to_contain_text("demo-thinking")
    types(ada, "Escape")
    expect(suggestions).to_be_hidden()
    expect(ada.composer()).to_have_value("/model think")
    types(ada, "ing", "Enter")
    expect(ada.page.get_by_text("demo-thinking answers in this chat")).to_be_visible()
    expect(ada.composer()).to_have_value("")
    types(ada, "hello", "Enter")
    ada.sees_reply_end()
    expect(ada.reply()).to_contain_text("demo-thinking")


def test_lists_are_shown_over_the_box_and_one_of_them_is_taken(ada: Person) -> None:
    types(ada, "/hel")
    expect(marked(ada)).to_contain_text("/help")
    types(ada, "Enter")
    shown = ada.page.locator(".st-key-command-result")
    expect(shown).to_contain_text("/model:plan-mode <planner> <answerer>")
    expect(ada.page.locator("[class*=st-key-row-]")).to_have_count(0)  # to ask for help makes no chat
    types(ada, "/models", "Enter")
    expect(shown.get_by_text("2 models")).to_be_visible()
    shown.get_by_role("radio", name="demo/demo-thinking").or_(
        shown.get_by_role("button", name="demo/demo-thinking")
    ).first.press("Enter")
    expect(ada.page.get_by_text("demo-thinking answers in this chat")).to_be_visible()
    expect(shown).to_have_count(0)
    expect(ada.page.get_by_role("combobox", name="Model")).to_have_value("demo-thinking · Demo · 8k")


def test_what_is_no_command_is_told_and_kept(ada: Person) -> None:
    types(ada, "/hlep me", "Enter")
    expect(ada.page.locator(".st-key-wrong-notice")).to_contain_text("Did you mean /help?")
    expect(ada.composer()).to_have_value("/hlep me")
    expect(ada.page.locator("[class*=st-key-row-]")).to_have_count(0)
    ada.composer().fill("//etc/hosts is a file")
    types(ada, "Enter")
    expect(ada.reply()).to_contain_text("/etc/hosts is a file")
    expect(ada.bubble("/etc/hosts is a file")).to_have_text("/etc/hosts is a file")
    ada.sees_reply_end()
    address = ada.page.url
    types(ada, "/new Another thing", "Enter")
    expect(ada.row("Another thing")).to_be_visible()
    expect(ada.page).not_to_have_url(address)
    ada.sees_empty_chat()
