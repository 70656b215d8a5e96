"""What a chat answers with, in one place; what its replies took; cleared; begun under an id of one's own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_chat_is_begun_with_settings_that_can_be_changed_and_cleared(ada: Person, api: Server) -> None:
    ada.button("Settings").click()
    ada.field("Temperature").fill("0.3")
    ada.field("Temperature").press("Enter")
    ada.field("Id of your own").fill("trip to oslo")
    ada.field("Id of your own").press("Enter")
    ada.page.keyboard.press("Escape")
    ada.composer().fill("where to?")
    ada.composer().press("Enter")
    expect(ada.page.locator(".st-key-wrong-notice")).to_contain_text("own id has 1 to 50 letters")
    expect(ada.composer()).to_have_value("where to?")
    ada.button("temperature 0.3").click()
    ada.field("Id of your own").fill("trip-to-oslo")
    ada.field("Id of your own").press("Enter")
    ada.page.keyboard.press("Escape")
    ada.composer().press("Enter")
    ada.sees_reply_end()
    expect(ada.reply()).to_contain_text("tokens · free · ")
    expect(ada.page.locator(".st-key-chat-head")).to_contain_text("tokens · free · ")
    ada.page.goto(f"{ada.url}/?chat=trip-to-oslo")
    ada.button("temperature 0.3").click()
    ada.field("Max tokens").fill("500")
    ada.field("Max tokens").press("Enter")
    expect(ada.button("temperature 0.3 · 500 tokens")).to_be_visible()
    ada.page.reload()
    ada.button("temperature 0.3 · 500 tokens").click()
    ada.button("Clear the conversation").click()
    ada.page.locator(".st-key-question-yes button").click()
    ada.sees_empty_chat()
    expect(ada.row("where to?")).to_be_visible()


def test_a_prompt_is_chosen_for_one_chat(ada: Person) -> None:
    ada.says("who are you?")
    ada.sees_reply_end()
    ada.button("Settings").click()
    ada.page.get_by_role("combobox", name="Prompt or role").click()
    option = ada.page.get_by_role("option").nth(1)
    name = option.inner_text()
    option.click()
    expect(ada.page.locator(".st-key-chat-settings")).to_contain_text(name[:20])
    ada.page.reload()
    expect(ada.page.locator(".st-key-chat-settings")).to_contain_text(name[:20])
