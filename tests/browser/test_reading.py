"""Typing and reading without loss: drafts, Ctrl+K, a reply that is heard, the mark in the title, directions, motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_axe import violations
from tests.server import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_draft_survives_a_reload_and_stays_with_its_chat(ada: Person) -> None:
    ada.says("an answered question")
    ada.sees_reply_end()
    ada.composer().press_sequentially("half a thought")
    ada.page.reload()
    expect(ada.composer()).to_have_value("half a thought")
    ada.button("New chat").click()
    ada.sees_empty_chat()
    expect(ada.composer()).to_have_value("")
    ada.composer().press_sequentially("another beginning")
    ada.row("an answered question").click()
    expect(ada.bubble("an answered question")).to_be_visible()
    expect(ada.composer()).to_have_value("half a thought")
    ada.composer().press("Enter")
    ada.sees_reply_end()
    ada.page.reload()
    expect(ada.bubble("half a thought")).to_be_visible()
    expect(ada.composer()).to_have_value("")
    ada.button("New chat").click()
    expect(ada.composer()).to_have_value("another beginning")
    ada.settles()
    ada.sign_out()
    assert ada.page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('parley-'))") == []


CLICK_AND_TYPE = """([opener, text]) => {
  document.querySelector(opener).click();
  const box = document.querySelector("[data-testid=stChatInputTextArea]");
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def test_what_is_typed_while_the_next_chat_is_on_its_way_goes_there(ada: Person) -> None:
    ada.says("an answered question")
    ada.sees_reply_end()
    ada.page.evaluate(CLICK_AND_TYPE, [".st-key-new-chat button", "at once"])
    ada.sees_empty_chat()
    ada.settles()
    expect(ada.composer()).to_have_value("at once")
    ada.row("an answered question").click()
    expect(ada.bubble("an answered question")).to_be_visible()
    expect(ada.composer()).to_have_value("")
    ada.page.evaluate(CLICK_AND_TYPE, [".st-key-new-chat button", "and more"])
    ada.sees_empty_chat()
    expect(ada.composer()).to_have_value("at once\n\nand more")
    ada.composer().press("Enter")
    expect(ada.bubble("and more")).to_be_visible()


def test_who_writes_on_while_the_chat_begins_stays_in_it(ada: Person) -> None:
    ada.composer().press_sequentially("demo:fast the first words")
    ada.composer().press("Enter")
    for number in range(40):  # before, while and after the empty page becomes the chat
        ada.composer().press_sequentially(f"{number} ")
    everything = " ".join(map(str, range(40)))
    expect(ada.bubble("the first words")).to_be_visible()
    ada.sees_reply_end()
    expect(ada.composer()).to_have_value(f"{everything} ")
    ada.composer().press("Enter")
    expect(ada.bubble("38 39")).to_be_visible()
    expect(ada.row("the first words")).to_have_count(1)
    ada.button("New chat").click()
    ada.sees_empty_chat()
    expect(ada.composer()).to_have_value("")


def test_ctrl_k_goes_anywhere_by_keyboard(ada: Person) -> None:
    ada.says("about the whales")
    ada.sees_reply_end()
    ada.button("New chat").click()
    ada.sees_empty_chat()
    ada.page.keyboard.press("Control+k")
    box = ada.page.get_by_role("combobox", name="Find or do")
    expect(box).to_be_focused()
    until(lambda: not violations(ada, "palette"), what="axe to find nothing")
    box.press_sequentially("whal")
    expect(ada.page.get_by_role("option", selected=True)).to_contain_text("about the whales")
    box.press("Enter")
    expect(ada.bubble("about the whales")).to_be_visible()
    ada.page.keyboard.press("Control+k")
    box.press_sequentially("keyb")
    box.press("Enter")
    expect(ada.page.get_by_role("dialog").get_by_text("Ctrl", exact=True).first).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.page.keyboard.press("Control+k")
    box.press_sequentially("usage")
    box.press("Enter")
    expect(ada.page.get_by_role("heading", name="Usage", level=1)).to_be_visible()


def test_a_reply_is_heard_and_its_end_is_marked_in_a_hidden_tab(ada: Person) -> None:
    ada.says("demo:count 150 then the end.")
    ada.page.evaluate(HIDE, True)
    heard = ada.page.get_by_role("log", name="The reply as it is written")
    expect(heard).to_contain_text("148 149 150")
    expect(heard).to_contain_text("The reply is complete.")
    ada.sees_reply_end()
    until(lambda: ada.page.title().startswith("● demo:count"), what="the mark in the title")
    ada.page.evaluate(HIDE, False)
    until(lambda: ada.page.title().startswith("demo:count"), what="the mark to go")


def test_right_to_left_words_run_so_and_motion_is_spared(ada: Person) -> None:
    ada.page.emulate_media(reduced_motion="reduce")
    ada.says("مرحبا بالعالم")
    ada.sees_reply_end()
    style = "(element, name) => getComputedStyle(element)[name]"
    assert ada.bubble("مرحبا").get_by_test_id("stText").evaluate(style, "direction") == "rtl"
    said = ada.reply().locator("p").filter(has_text="مرحبا").first
    until(lambda: said.evaluate(style, "direction") == "rtl", what="the reply's own direction")
    assert ada.reply().locator("p").first.evaluate(style, "direction") == "ltr"
    assert float(ada.button("New chat").evaluate(style, "transitionDuration").split("s")[0]) < 0.001


def test_typed_signs_and_names_between_colons_are_drawn_as_they_were_written(ada: Person) -> None:
    title = ":smile: :material/a: foo:art: -> <- x -- y >= <= ~= :red[x]"
    text = f"{title}\n\n:heart: :streamlit: color:red a <-> b `:x: ->`"
    ada.composer().fill(text)
    ada.composer().press("Enter")
    ada.sees_reply_end()
    drawn = ada.reply().locator("[data-testid=stMarkdownContainer]").first
    for place, paragraph in enumerate(text.replace("`", "").split("\n\n")):
        expect(drawn.locator("p").nth(place + 1)).to_have_text(paragraph)  # after the demo's own words
    expect(ada.page.locator(".st-key-chat-head h1")).to_have_text(f"{title}…")
    expect(ada.page.locator("[class*=st-key-chat-] button p").filter(has_text="foo")).to_have_text(f"{title}…")
