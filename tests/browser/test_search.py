"""Messages found as one types, and the jump to them, wherever in their chat they stand."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person, account
from tests.browser.test_axe import violations
from tests.browser.test_chat import counts_past
from tests.server import Person as Account
from tests.server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def looks_for(person: Person, words: str) -> Locator:
    """The first message of the palette's list."""
    person.page.locator("dialog.parley-palette").wait_for(state="attached")  # a page that loads hears no key yet
    person.page.keyboard.press("Control+k")
    box = person.page.get_by_role("combobox", name="Find or do")
    expect(box).to_be_focused()
    box.press_sequentially(words)
    found = person.page.locator(".parley-palette [role=option]").filter(has=person.page.locator("mark"))
    expect(found.first.locator("mark").first).to_have_text(words)
    return found.first


def test_a_message_is_found_as_one_types_and_shown_in_its_place(ada: Person, api: Server) -> None:
    owner = account(ada, api)

    def post(path: str, body: Any, method: str = "POST") -> Any:
        answer = owner.call(method, path, body)
        assert answer.status in {200, 201}, answer.body
        return answer.json

    chat = post("/chats", {"title": "A long one"})["id"]
    first = post(f"/chats/{chat}/messages", {"content": "demo:fast an albatross flies alone"})
    post(f"/messages/{first['message']['parent_id']}", {"content": "demo:fast a pelican fishes"}, "PATCH")
    for number in range(27):
        post(f"/chats/{chat}/messages", {"content": f"demo:fast demo:count 1 message-{number}-"})

    ada.page.reload()
    ada.sees_empty_chat()
    pelican = looks_for(ada, "pelican")
    expect(pelican).to_contain_text("A long one")
    until(lambda: not violations(ada, "search"), what="axe to find nothing")
    pelican.click()
    expect(ada.bubble("a pelican fishes")).to_be_in_viewport()  # it is not among the newest fifty
    expect(ada.bubble("message-26-")).to_have_count(0)
    ada.button("Go to the newest messages").dispatch_event("click")  # by a click it would be scrolled to first
    expect(ada.bubble("message-26-")).to_be_in_viewport()
    expect(ada.bubble("a pelican fishes")).to_have_count(0)
    looks_for(ada, "albatross")
    ada.page.keyboard.press("Enter")
    expect(ada.bubble("an albatross flies alone")).to_be_in_viewport()  # on a branch that was not shown
    expect(ada.bubble("message-26-")).to_have_count(0)

    ada.says("demo:count 5000")
    counts_past(ada, 5)
    expect(looks_for(ada, "pelican")).to_be_visible()  # it waits for no reply's end
    box = ada.page.get_by_role("combobox", name="Find or do")
    box.fill("no such words anywhere")
    expect(ada.page.get_by_text("Nothing fits these words.")).to_be_visible()
    box.press("Escape")
    ada.stop_button().click()
    expect(ada.reply()).to_contain_text("Stopped")
    sees_the_end_of_a_reply_that_is_not_shown(ada, owner)


def sees_the_end_of_a_reply_that_is_not_shown(ada: Person, owner: Account) -> None:
    """Its chat is open, at a place of long ago: its mark in the list goes all the same."""
    running = ada.row("A long one").get_by_test_id("stSpinnerIcon")
    expect(running).to_have_count(0)
    ada.says("demo:count 5000 once more")
    looks_for(ada, "pelican").click()
    expect(ada.bubble("a pelican fishes")).to_be_in_viewport()
    expect(running).to_be_visible()
    chat = owner.call("GET", "/chats").json["items"][0]
    assert owner.call("POST", f"/generations/{chat['active_generation_id']}/stop").status == 200
    expect(running).to_have_count(0)
