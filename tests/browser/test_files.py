"""Files that go with a message: chosen, shown before and after, refused in words."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.extraction.made import PNG_1X1
from tests.server import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def chooses(person: Person, name: str, data: bytes) -> None:
    person.button("Attach").click()
    field = person.page.locator("input[type=file]")
    field.set_input_files([{"name": name, "mimeType": "application/octet-stream", "buffer": data}])


def shuts(person: Person) -> None:
    """The box with the field, whose button would else shut what it is to open."""
    field = person.page.locator("input[type=file]")

    def gone() -> bool:  # a page that was still being drawn may not have heard the key
        person.settles()
        if field.count():
            person.page.keyboard.press("Escape")
        return field.count() == 0

    until(gone, what="the field's box to shut")


def test_a_file_goes_with_the_message(ada: Person) -> None:
    chooses(ada, "notes.md", b"# Chapter one")
    waiting = ada.page.locator(".st-key-files")
    expect(waiting).to_contain_text("notes.md")
    shuts(ada)
    ada.says("demo:fast what is in it?")
    ada.sees_reply_end()
    expect(ada.bubble("what is in it?")).to_contain_text("notes.md")
    expect(waiting).to_have_count(0)
    ada.page.reload()
    expect(ada.bubble("what is in it?")).to_contain_text("notes.md")
    ada.button("Edit message").click()
    expect(ada.page.locator("[class*=st-key-editing-]")).to_contain_text("notes.md")
    ada.field("Your message").fill("demo:fast and in other words?")
    ada.button("Send").click()
    ada.sees_reply_end()
    expect(ada.bubble("in other words?")).to_contain_text("notes.md")
    expect(ada.page.get_by_text("2/2")).to_be_visible()
    ada.page.reload()
    expect(ada.bubble("in other words?")).to_contain_text("notes.md")


def test_what_is_not_taken_is_told_and_a_file_can_be_taken_away(ada: Person) -> None:
    chooses(ada, "table.xlsx", b"PK\x03\x04" + bytes(50))
    expect(ada.page.locator(".st-key-wrong-notice")).to_contain_text("table.xlsx: Files of this kind are not taken")
    shuts(ada)
    chooses(ada, "dot.png", PNG_1X1)
    waiting = ada.page.locator(".st-key-files")
    expect(waiting.locator("img")).to_be_visible()
    shuts(ada)
    ada.composer().fill("demo:fast look")
    ada.composer().press("Enter")
    expect(ada.page.locator(".st-key-wrong-notice")).to_contain_text("cannot see images")
    ada.button("Remove dot.png").click()
    expect(waiting).to_have_count(0)


def test_several_models_are_asked_about_a_file(ada: Person) -> None:
    ada.goes_to("Compare")
    chooses(ada, "table.xlsx", b"PK\x03\x04" + bytes(50))
    expect(ada.page.locator(".st-key-wrong-notice")).to_contain_text("table.xlsx: Files of this kind are not taken")
    shuts(ada)
    chooses(ada, "notes.md", b"# Chapter one")
    waiting = ada.page.locator(".st-key-compare-files")
    expect(waiting).to_contain_text("notes.md")
    shuts(ada)
    ada.composer().fill("demo:fast what is in it?")
    ada.composer().press("Enter")
    expect(ada.page.locator(".st-key-lanes-question")).to_contain_text("notes.md")
    expect(waiting).to_have_count(0)
    lanes = ada.page.locator("[class*=st-key-lane-]")
    expect(lanes).to_have_count(2)
    expect(lanes.nth(1)).to_contain_text("tokens")
    lanes.nth(0).get_by_role("button", name="Go on with this one").click()
    expect(ada.bubble("what is in it?")).to_contain_text("notes.md")
