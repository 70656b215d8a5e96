"""The prompt library, the usage page, and where chats are put."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_axe import violations
from tests.server import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_prompt_is_written_tried_activated_and_rolled_back(ada: Person) -> None:
    ada.goes_to("Prompts")
    ada.button("New prompt").click()
    ada.button("Save prompt").click()
    expect(ada.page.locator(".st-key-wrong-prompt_name")).to_be_visible()
    ada.field("Name").fill("Translator")
    ada.field("What the model is told").fill("Translate into {{language}}.")
    ada.button("Save prompt").click()
    expect(ada.button("Use in a new chat")).to_be_visible()

    ada.tab("Try it").click()
    ada.field("language").fill("Norwegian")
    expect(ada.page.get_by_text("Translate into Norwegian.")).to_be_visible()

    ada.tab("Text").click()
    ada.field("What the model is told").fill("Answer with one word.")
    ada.button("Save prompt").click()
    ada.tab("Versions").click()
    ada.button("Go back to it").click()
    expect(ada.page.get_by_text("Version 3", exact=True)).to_be_visible()
    ada.tab("Text").click()
    expect(ada.field("What the model is told")).to_have_value("Translate into {{language}}.")

    ada.button("Activate").click()
    active = ada.page.locator(".st-key-active-prompt")
    expect(active).to_contain_text("Translator")
    is_changed_in_place(ada)
    expect(active).to_contain_text("Translator")
    ada.button("Stop using this prompt").click()
    expect(active).to_have_count(0)
    is_used_with_its_blanks_filled(ada)
    ada.goes_to("Prompts")
    ada.button("Delete…").click()
    ada.page.locator(".st-key-question-yes button").click()
    expect(ada.button("New prompt")).to_be_visible()


def is_used_with_its_blanks_filled(ada: Person) -> None:
    """From the library, from the message box and in the settings of a chat."""
    dialog = ada.page.get_by_role("dialog", name="Fill in the blanks")
    field, use = dialog.get_by_label("language"), dialog.get_by_role("button", name="Use it")
    settings = ada.page.locator(".st-key-chat-settings button").first
    ada.button("Use in a new chat").click()
    expect(field).to_be_focused()
    until(lambda: not violations(ada, "the blanks of a prompt"), what="axe to find nothing")
    use.click()
    expect(dialog.locator(".st-key-wrong-blank-language")).to_contain_text("Fill this in")
    field.fill("Norwegian")
    field.press("Enter")
    ada.sees_empty_chat()
    expect(settings).to_contain_text("Translator")
    expect(settings).not_to_contain_text("blank")

    ada.page.locator(".st-key-new-chat button").click()  # the chat that has just begun has the same name
    expect(settings).to_contain_text("Settings")
    ada.composer().fill("/prompt translator")
    ada.composer().press("Enter")
    expect(field).to_be_focused()
    dialog.get_by_role("button", name="Leave them blank").click()
    expect(dialog).to_have_count(0)
    expect(settings).to_contain_text("Translator · 1 blank")
    settings.click()
    ada.button("Fill in language").click()
    expect(field).to_be_focused()
    field.fill("Danish")
    use.click()
    expect(dialog).to_have_count(0)
    expect(settings).not_to_contain_text("blank")
    expect(settings).to_contain_text("Translator")
    settings.click()
    ada.button("Change what is filled in").click()
    expect(field).to_have_value("Danish")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)


def is_changed_in_place(ada: Person) -> None:
    """The active prompt, from the sidebar: its words, another one, and a copy of one that is not one's own."""
    opener = ada.page.locator(".st-key-active-prompt-open button")
    dialog = ada.page.get_by_role("dialog", name="The active prompt")
    words = dialog.get_by_label("What the model is told").first  # while it changes, the old one may still be there
    opener.click()
    expect(words).to_have_value("Translate into {{language}}.")
    expect(words).to_be_focused()
    until(lambda: not violations(ada, "the active prompt"), what="axe to find nothing")
    words.fill(" ")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".st-key-wrong-active")).to_contain_text("Write what the model is told")
    words.fill("Translate into {{language}}, and briefly.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    ada.tab("Versions").click()
    expect(ada.page.get_by_text("Version 4", exact=True)).to_be_visible()

    opener.click()
    expect(words).to_have_value("Translate into {{language}}, and briefly.")
    box = dialog.get_by_role("combobox", name="Prompt or role")
    box.fill("Research")
    ada.page.get_by_role("option").filter(has_text="Research").first.click()
    expect(dialog).to_contain_text("comes with Parley, so you cannot change it")
    dialog.get_by_role("button", name="Use a copy of my own").click()
    expect(words).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(opener).to_contain_text("(mine)")
    opener.click()
    box.fill("Translator")
    ada.page.get_by_role("option", name="Translator", exact=True).click()
    expect(words).to_have_value("Translate into {{language}}, and briefly.")
    ada.settles()
    ada.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_usage_shows_what_a_reply_took_and_what_is_left(ada: Person) -> None:
    ada.goes_to("Usage")
    expect(ada.page.get_by_text("Nothing in this time.")).to_be_visible()
    ada.button("New chat").click()
    ada.sees_empty_chat()
    ada.says("count me")
    ada.sees_reply_end()
    ada.goes_to("Usage")
    expect(ada.page.get_by_test_id("stMetric").nth(1)).to_contain_text("1")
    expect(ada.page.get_by_text("What is left")).to_be_visible()
    with ada.page.expect_download() as download:
        ada.button("Download CSV").click()
    assert "demo" in download.value.path().read_text()


def test_chats_are_pinned_put_into_folders_and_archived(ada: Person) -> None:
    for text in ("the first chat", "the second chat"):
        ada.says(text)
        ada.sees_reply_end()
        ada.button("New chat").click()
        ada.sees_empty_chat()
    headings = ada.page.locator(".st-key-chats [data-testid=stCaptionContainer]")
    ada.choose("the first chat", "Pin")
    expect(headings.first).to_have_text("Pinned")
    ada.choose("the second chat", "Move to a folder")
    folder = ada.page.get_by_role("combobox", name="Folder")
    folder.fill("Work")
    folder.press("Enter")
    ada.button("Move").click()
    expect(headings.nth(1)).to_have_text("Work")
    ada.choose("the first chat", "Archive")
    expect(ada.row("the first chat")).to_have_count(0)
    ada.lists("Archived chats")
    expect(ada.row("the first chat")).to_be_visible()
    expect(ada.row("the second chat")).to_have_count(0)
    ada.choose("the first chat", "Take out of the archive")
    ada.button("Back to all chats").click()
    expect(ada.row("the first chat")).to_be_visible()
