"""What a chat answers with, in one place; what its replies took; cleared; begun under an id of one's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person, account
from tests.server import Person as Account
from tests.server import Server, until

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


def stored(owner: Account, chat: str) -> dict[str, Any]:
    """What is set of that chat, by the API's word."""
    body = owner.call("GET", f"/chats/{chat}").json
    return {name: body[name] for name in ("prompt_id", "parameters", "plan")}


def looks_into_settings(person: Person, summary: str) -> None:
    """Opens them and shuts them with Esc; nothing is touched."""
    person.button(summary).click()
    expect(person.field("Temperature")).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(person.field("Temperature")).to_have_count(0)


def shown(person: Person) -> str:
    return str(parse_qs(urlsplit(person.page.url).query)["chat"][0])


SET = {"temperature": 0.5, "max_tokens": 500, "top_p": 0.9}


@pytest.mark.parametrize("parameters", [SET, {"max_tokens": 500}], ids=["all", "tokens"])
def test_settings_that_are_only_looked_at_stay_as_they_are(
    ada: Person, api: Server, parameters: dict[str, float]
) -> None:
    owner = account(ada, api)
    prompt = owner.call("POST", "/prompts", {"name": "Pirate", "content": "Talk like a pirate."}).json["id"]
    plan = {"planner": "demo/demo-thinking", "answerer": "demo/demo", "review": False}
    chat = owner.chat(prompt_id=prompt, parameters=parameters, plan=plan)
    before = stored(owner, chat)
    summary = "Pirate · temperature 0.5 · 500 tokens" if parameters is SET else "Pirate · 500 tokens"
    ada.open(f"/?chat={chat}")
    ada.says("ahoy")
    ada.sees_reply_end()
    looks_into_settings(ada, summary)
    ada.says("ahoy again")
    ada.sees_reply_end()
    looks_into_settings(ada, summary)
    ada.says("and once more")
    ada.sees_reply_end()
    assert stored(owner, chat) == before
    ada.button(summary).click()
    expect(ada.field("Temperature")).to_have_value("0.50" if parameters is SET else "")
    expect(ada.field("Max tokens")).to_have_value("500")
    expect(ada.page.get_by_role("combobox", name="Prompt or role")).to_have_value("Pirate")
    expect(ada.page.get_by_role("combobox", name="Plans")).to_have_value("demo-thinking · Demo · 8k")
    expect(ada.page.get_by_role("checkbox", name="Let me review")).not_to_be_checked()


def test_what_is_set_elsewhere_is_shown_and_not_undone(ada: Person, api: Server) -> None:
    owner = account(ada, api)
    ada.says("hello")
    ada.sees_reply_end()
    chat = shown(ada)
    ada.button("Settings").click()
    ada.field("Temperature").fill("0.3")
    ada.field("Temperature").press("Tab")
    ada.button("temperature 0.3").click()
    expect(ada.field("Temperature")).to_have_count(0)
    owner.call("PATCH", f"/chats/{chat}", {"parameters": {"temperature": 1.5, "max_tokens": 700}})
    ada.says("and now?")
    ada.sees_reply_end()
    ada.button("temperature 1.5 · 700 tokens").click()
    expect(ada.field("Temperature")).to_have_value("1.50")
    expect(ada.field("Max tokens")).to_have_value("700")
    ada.page.reload()
    ada.button("temperature 1.5 · 700 tokens").click()
    expect(ada.field("Max tokens")).to_have_value("700")
    assert stored(owner, chat)["parameters"] == {"temperature": 1.5, "max_tokens": 700}


def test_numbers_are_set_by_keys_and_buttons_and_given_back(ada: Person, api: Server) -> None:
    owner = account(ada, api)
    chat = owner.chat(parameters={"top_p": 0.9})
    ada.open(f"/?chat={chat}")
    ada.button("Settings").click()
    ada.field("Temperature").fill("0.3")
    ada.field("Temperature").press("Tab")  # the second change comes before the page has shown the first one
    ada.field("Max tokens").fill("500")
    ada.field("Max tokens").press("Enter")
    expect(ada.button("temperature 0.3 · 500 tokens")).to_be_visible()
    assert stored(owner, chat)["parameters"] == {"temperature": 0.3, "max_tokens": 500, "top_p": 0.9}
    for steps in ("0.4", "0.5", "0.6"):
        ada.page.locator(".st-key-chat-numbers").get_by_test_id("stNumberInputStepUp").first.click()
        expect(ada.button(f"temperature {steps} · 500 tokens")).to_be_visible()
    ada.button("Back to the usual numbers").click()
    expect(ada.button("Settings")).to_be_visible()
    expect(ada.field("Temperature").filter(visible=True)).to_have_value("")  # a hidden former one may stay in the page
    assert stored(owner, chat)["parameters"] == {"top_p": 0.9}


def test_what_is_typed_outlasts_the_end_of_a_reply(ada: Person) -> None:
    ada.says("demo:count 400")
    until(lambda: max(ada.numbers(), default=0) > 5, what="five numbers")
    ada.button("Settings").click()
    expect(ada.field("Max tokens")).to_have_count(1)
    ada.field("Max tokens").fill("1234")
    ada.sees_reply_end()
    ada.settles()
    expect(ada.field("Max tokens")).to_have_value("1234")
    expect(ada.field("Max tokens")).to_be_focused()
    ada.field("Max tokens").press("Enter")
    expect(ada.button("1,234 tokens")).to_be_visible()
