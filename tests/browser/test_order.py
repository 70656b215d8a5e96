"""Chats in order: folders and tags to list by, many at once, temporary ones that are in no list."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_chats_are_tagged_moved_together_listed_by_folder_and_deleted(ada: Person) -> None:
    for text in ("about whales", "about krill: *it* at a@b.example", "about trains"):
        ada.says(text)
        ada.sees_reply_end()
        ada.button("New chat").click()
        ada.sees_empty_chat()
    ada.choose("about trains", "Tags")
    ada.page.get_by_role("combobox", name="Tags").fill("rail")
    ada.page.get_by_role("combobox", name="Tags").press("Enter")
    ada.page.get_by_role("combobox", name="Tags").press("Tab")  # shuts its list
    ada.button("Save").click()
    expect(ada.button("Save")).to_have_count(0)
    ada.lists("Tag: rail")
    expect(ada.row("about trains")).to_be_visible()
    expect(ada.row("about whales")).to_have_count(0)
    ada.lists("All chats")
    expect(ada.row("about whales")).to_be_visible()
    ada.lists("Choose several chats")
    expect(ada.page.get_by_role("checkbox", name="about krill: it at a@b.example", exact=True)).to_be_visible()
    expect(ada.page.locator(".st-key-chats a:visible")).to_have_count(0)  # an address in a title is no link
    for text in ("about whales", "about krill: *it*"):
        row = ada.page.locator("[class*=st-key-picking-]").filter(has_text=text)
        row.locator("label").click()  # it lies over the words as well
    expect(ada.button("2 chosen")).to_be_visible()
    ada.button("2 chosen").click()
    ada.page.get_by_role("menuitem", name="Move to a folder").or_(
        ada.page.get_by_role("option", name="Move to a folder")
    ).first.click()
    ada.page.get_by_role("combobox", name="Folder").fill("Sea")
    ada.page.get_by_role("combobox", name="Folder").press("Enter")
    ada.page.get_by_role("combobox", name="Folder").press("Tab")  # shuts its list
    ada.button("Move").click()
    ada.lists("Folder: Sea")
    expect(ada.row("about trains")).to_have_count(0)
    ada.lists("Choose several chats")
    for text in ("about whales", "about krill"):
        ada.page.locator("[class*=st-key-picking-]").filter(has_text=text).locator("label").click()
    ada.button("2 chosen").click()
    ada.page.get_by_role("menuitem", name="Delete").or_(ada.page.get_by_role("option", name="Delete")).first.click()
    expect(ada.button("Cancel")).to_be_focused()
    ada.page.locator(".st-key-question-yes button").click()
    expect(ada.row("about")).to_have_count(0)
    ada.lists("All chats")
    expect(ada.row("about trains")).to_be_visible()


def test_a_temporary_chat_is_in_no_list_until_it_is_kept(ada: Person) -> None:
    ada.button("Settings").click()
    ada.page.get_by_text("Temporary chat").click()
    expect(ada.button("temporary")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.says("between us")
    ada.sees_reply_end()
    expect(ada.page.locator(".st-key-temporary-badge")).to_be_visible()
    expect(ada.row("between us")).to_have_count(0)
    ada.button("Keep it").click()
    expect(ada.row("between us")).to_be_visible()
    expect(ada.page.locator(".st-key-temporary-badge")).to_have_count(0)
