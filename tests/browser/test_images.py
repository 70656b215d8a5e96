"""Images: made while the page goes on, looked at, taken along, deleted; and by a command in a chat."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Painter
from tests.browser.person import Person, account
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def card(person: Person, prompt: str) -> Locator:
    return person.page.locator("[data-testid=stLayoutWrapper] > [class*=st-key-image-]").filter(
        has=person.page.get_by_role("img", name=prompt, exact=True)
    )


def has_a_key(person: Person, api: Server) -> None:
    config = {"provider": "imagerouter", "name": "Paints", "api_key": "ir-0123456789abcdef"}
    assert account(person, api).call("POST", "/model-configs", config).status == 201


def test_an_image_is_made_looked_at_taken_along_and_deleted(ada: Person, painter: Painter) -> None:
    painter.go.clear()
    ada.goes_to("Images")
    expect(ada.field("What it should show")).to_be_focused()
    ada.button("Make it").click()
    expect(ada.page.locator(".st-key-wrong-image-prompt")).to_contain_text("Say what the image should show")
    ada.field("What it should show").fill("a fox, painted slowly")
    ada.button("Make it").click()
    expect(ada.page.locator(".st-key-wrong-image-form")).to_contain_text("ImageRouter")
    ada.page.get_by_role("link", name="Models and keys").click()
    ada.page.locator(".st-key-add-imagerouter button").click()
    ada.field("API key").fill("ir-0123456789abcdef")
    ada.button("Add model").click()
    expect(ada.page.locator("[class*=st-key-line-config-]")).to_be_visible()

    ada.goes_to("Images")
    expect(ada.field("What it should show")).to_have_value("a fox, painted slowly")
    ada.button("Make it").click()
    expect(ada.page.locator(".st-key-drawing")).to_contain_text("a fox, painted slowly")
    ada.button("New chat").click()
    ada.sees_empty_chat()  # nothing waits for it
    ada.goes_to("Images")
    expect(ada.page.locator(".st-key-drawing")).to_be_visible()
    painter.go.set()
    fox = card(ada, "a fox, painted slowly")
    expect(fox).to_contain_text("openai/gpt-image-2 · 8 × 8 · $0.004")
    expect(ada.page.locator(".st-key-drawing")).to_have_count(0)

    ada.page.reload()
    expect(fox).to_be_visible()
    ada.settles()
    with ada.page.expect_download() as download:
        fox.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "a-fox-painted-slowly.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    fox.get_by_role("button", name="Use these words again").click()
    expect(ada.field("What it should show")).to_have_value("a fox, painted slowly")
    fox.get_by_role("button", name="Delete this image").click()
    expect(ada.button("Cancel")).to_be_focused()
    ada.page.locator(".st-key-question-yes button").click()
    expect(fox).to_have_count(0)


def test_a_command_makes_an_image_and_offers_a_file(ada: Person, api: Server, painter: Painter) -> None:
    has_a_key(ada, api)
    painter.go.clear()
    ada.says("the chat that it is asked in")
    ada.sees_reply_end()
    ada.composer().fill("/image a whale, drawn slowly")
    ada.composer().press("Enter")
    expect(ada.page.locator(".st-key-command-pending")).to_contain_text("/image a whale, drawn slowly")
    ada.says("and this is said meanwhile")
    ada.sees_reply_end()
    painter.go.set()
    shown = ada.page.locator(".st-key-command-result")
    expect(shown.get_by_role("img", name="a whale, drawn slowly")).to_be_visible()
    expect(ada.page.locator(".st-key-command-pending")).to_have_count(0)
    shown.get_by_role("link", name="All images").click()
    expect(card(ada, "a whale, drawn slowly")).to_be_visible()

    ada.row("the chat that it is asked in").click()
    expect(ada.bubble("said meanwhile")).to_be_visible()
    ada.composer().fill("/export md")
    ada.composer().press("Enter")
    expect(shown).to_contain_text("This chat as markdown")
    ada.settles()
    with ada.page.expect_download() as download:
        shown.get_by_role("button", name="Download").click()
    assert "said meanwhile" in Path(download.value.path()).read_text()
