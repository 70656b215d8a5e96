"""A conversation's branches on the page: edited, answered again, switched, gone on with, copied, forked, deleted."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.server import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_edit_makes_a_branch_and_one_can_switch_back(ada: Person) -> None:
    ada.says("the first words")
    ada.sees_reply_end()
    ada.button("Edit message").click()
    expect(ada.field("Your message")).to_have_value("the first words")
    ada.field("Your message").fill("the second words")
    ada.button("Send").click()
    expect(ada.reply()).to_contain_text("the second words")
    ada.sees_reply_end()
    expect(ada.page.get_by_text("2/2")).to_be_visible()
    ada.button("Previous version").click()
    expect(ada.reply()).to_contain_text("the first words")
    expect(ada.page.get_by_text("1/2")).to_be_visible()
    ada.button("Edit message").click()
    ada.button("Cancel").click()
    expect(ada.bubble("the first words")).to_be_visible()


def test_another_answer_stands_beside_the_first(ada: Person) -> None:
    ada.says("tell me")
    ada.sees_reply_end()
    ada.chooses("Model", "thinking", by_typing=False)
    ada.button("Answer again").click()
    expect(ada.reply()).to_contain_text("demo-thinking")
    expect(ada.page.get_by_text("2/2")).to_be_visible()
    expect(ada.page.get_by_text("Reasoning")).to_be_visible()
    ada.page.reload()
    expect(ada.page.get_by_text("2/2")).to_be_visible()


def test_a_stopped_reply_goes_on(ada: Person) -> None:
    ada.says("demo:count 3000")
    until(lambda: max(ada.numbers(), default=0) > 10, what="ten numbers")
    ada.stop_button().click()
    expect(ada.reply()).to_contain_text("Stopped")
    before = ada.numbers()
    ada.button("Continue").click()
    expect(ada.reply()).to_contain_text("You said:")
    expect(ada.button("Continue")).to_have_count(0)
    assert ada.numbers()[: len(before)] == before


def test_copy_fork_rate_and_delete(ada: Person) -> None:
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.says("something worth keeping")
    ada.sees_reply_end()
    ada.button("Copy answer").click()
    read = "() => navigator.clipboard.readText()"
    until(lambda: "something worth keeping" in ada.page.evaluate(read), what="the clipboard")
    ada.answer_menu("Good answer")
    expect(ada.page.get_by_text("Thank you.")).to_be_visible()
    address = ada.page.url
    ada.answer_menu("Fork into a new chat")
    expect(ada.page).not_to_have_url(address)
    expect(ada.bubble("something worth keeping")).to_be_visible()
    expect(ada.row("something worth keeping")).to_have_count(2)
    ada.answer_menu("Delete from here on")
    expect(ada.button("Cancel")).to_be_focused()
    ada.page.locator(".st-key-question-yes button").click()
    expect(ada.page.locator("[class*=st-key-turn-assistant]")).to_have_count(0)
    ada.button("Answer this").click()
    expect(ada.reply()).to_contain_text("You said:")
    ada.page.goto(address)
    expect(ada.reply()).to_contain_text("You said:")
