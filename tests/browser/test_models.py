"""Models and keys: added, refused, changed, made the default, deleted, found; and several asked at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.answers import Answers
from tests.browser.conftest import Downloads
from tests.browser.person import Person
from tests.server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_key_is_added_changed_made_default_and_deleted(ada: Person) -> None:
    ada.goes_to("Models")
    ada.page.locator(".st-key-add-openai button").click()
    expect(ada.field("API key")).to_be_focused()
    expect(ada.field("API key")).to_have_attribute("type", "password")
    ada.button("Add model").click()
    expect(ada.page.locator(".st-key-wrong-model_key")).to_contain_text("Paste the API key")
    ada.field("API key").fill("sk-a-key-of-our-own-0123456789")
    ada.field("Model (optional)").fill("a-model-of-ours")
    ada.page.get_by_text("Advanced").click()
    ada.field("Temperature").fill("0.5")
    ada.button("Add model").click()
    line = ada.page.locator("[class*=st-key-line-config-]")
    expect(line).to_contain_text("a-model-of-ours")
    expect(line).to_contain_text("sk-…6789")
    until(lambda: "sk-a-key" not in ada.page.content(), what="the form with the key in it to be gone")

    ada.choose("a-model-of-ours", "Make default")
    expect(line).to_contain_text("default")
    ada.choose("a-model-of-ours", "Change")
    expect(ada.field("API key")).to_have_attribute("placeholder", re.compile("stays unless"))
    ada.page.get_by_text("Advanced").click()
    expect(ada.field("Temperature")).to_have_value("0.50")
    ada.field("Name in the list").fill("Ours")
    ada.button("Save").click()
    expect(line).to_contain_text("Ours")
    expect(line).to_contain_text("sk-…6789")

    ada.button("New chat").click()
    ada.sees_empty_chat()
    expect(ada.page.get_by_role("combobox", name="Model")).to_have_value(re.compile("a-model-of-ours"))
    ada.goes_to("Models")
    ada.choose("Ours", "Delete")
    expect(ada.button("Cancel")).to_be_focused()
    ada.page.locator(".st-key-question-yes button").click()
    expect(line).to_have_count(0)


def test_a_key_is_shown_while_typed_refused_and_rotated(ada: Person) -> None:
    """The provider refuses the first key; the new one, pasted where the page leads, works."""
    ada.goes_to("Models")
    ada.page.locator(".st-key-add-openai button").click()
    expect(ada.field("API key")).to_be_focused()
    ada.field("API key").press_sequentially("sk-mistyped")
    ada.button("Show password").click()
    expect(ada.field("API key")).to_have_attribute("type", "text")
    ada.field("API key").press_sequentially("-0123456789")
    expect(ada.field("API key")).to_have_value("sk-mistyped-0123456789")
    ada.button("Hide password").click()
    expect(ada.field("API key")).to_have_attribute("type", "password")
    ada.field("Model (optional)").fill(f"flaky:401:1#{ada.name}")
    ada.button("Add model").click()
    ada.button("Test").click()
    told = ada.page.locator("[class*=st-key-wrong-trial-]")
    expect(told).to_contain_text("refused the key")
    expect(told).to_contain_text("paste a new one")
    ada.button("Put it right").click()
    expect(ada.field("API key")).to_be_focused()
    ada.field("API key").fill("sk-the-new-one-9876543210")
    ada.button("Save").click()
    expect(told).to_have_count(0)
    expect(ada.page.locator("[class*=st-key-line-config-]")).to_contain_text("sk-…3210")
    ada.button("Test").click()
    expect(ada.page.locator("[class*=st-key-tried-]")).to_contain_text("answered in")


def test_an_ollama_fetches_a_model_and_shows_how_far_it_is(root: Person, downloads: tuple[Downloads, Answers]) -> None:
    held, server = downloads
    root.goes_to("Models")
    root.page.locator(".st-key-add-ollama button").click()
    root.field("Address").fill(server.url)
    root.field("Model (optional)").fill("tiny")
    root.button("Add model").click()
    try:
        root.field("Fetch a model to tiny").fill("tiny")
        root.button("Fetch").click()
        expect(root.page.get_by_role("progressbar")).to_be_visible()
        expect(root.page.get_by_text("tiny: 1,000 of 2,000 MB")).to_be_visible()
        held.go.set()
        expect(root.page.get_by_text("tiny is here and can be chosen")).to_be_visible()
        expect(root.page.get_by_role("progressbar")).to_have_count(0)
    finally:
        held.go.set()
        root.choose("tiny", "Delete")
        root.page.locator(".st-key-question-yes button").click()
        expect(root.page.locator("[class*=st-key-line-config-]")).to_have_count(0)


def test_a_server_that_may_not_be_called_is_told_on_its_card(ada: Person) -> None:
    ada.goes_to("Models")
    ada.page.locator(".st-key-add-custom button").click()
    expect(ada.field("Address")).to_be_focused()
    ada.button("Add model").click()
    expect(ada.page.locator(".st-key-wrong-model_url")).to_contain_text("Enter the address")
    ada.field("Address").fill("http://127.0.0.1:9/v1")
    ada.button("Add model").click()
    expect(ada.page.locator(".st-key-provider-custom")).to_contain_text("ALLOWED_PRIVATE_HOSTS")
    ada.button("Test").click()
    expect(ada.page.locator("[class*=st-key-wrong-trial-]")).to_be_visible()


def test_the_catalogue_is_searched_as_one_types(ada: Person) -> None:
    ada.goes_to("Models")
    ada.tab("All models").click()
    expect(ada.page.get_by_text("2 of 2 models")).to_be_visible()
    rows = ada.page.get_by_role("region", name="Models", exact=True).get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("thinking")
    ada.field("Find a model").press_sequentially("thinking")
    expect(ada.page.get_by_text("1 of 2 models")).to_be_visible()
    ada.field("Find a model").fill("no such model")
    expect(ada.page.get_by_text("No model here is like that")).to_be_visible()


def test_two_models_answer_side_by_side_and_one_goes_on(ada: Person) -> None:
    ada.page.set_viewport_size({"width": 1440, "height": 900})
    ada.goes_to("Compare")
    heading = ada.page.get_by_role("heading", name="Compare", level=1)
    before = until(heading.bounding_box)
    ada.composer().fill("demo:count 40")
    ada.composer().press("Enter")
    lanes = ada.page.locator("[class*=st-key-lane-]")
    expect(lanes).to_have_count(2)
    after = until(heading.bounding_box)
    assert after["x"] == before["x"], "answers that take more room leave the head where it is"
    for lane in (0, 1):
        expect(lanes.nth(lane)).to_contain_text("39 40")
        expect(lanes.nth(lane)).to_contain_text("tokens")
    expect(ada.button("Stop all")).to_have_count(0)
    ada.page.reload()
    expect(lanes.nth(1)).to_contain_text("39 40")
    lanes.nth(1).get_by_role("button", name="Go on with this one").click()
    expect(ada.bubble("demo:count 40")).to_be_visible()
    expect(ada.page.get_by_text("2/2")).to_be_visible()
    expect(ada.reply()).to_contain_text("demo-thinking")
    ada.says("and who answers now")
    ada.sees_reply_end()
    expect(ada.reply()).to_contain_text("and who answers now")
    expect(ada.reply()).to_contain_text("demo-thinking")


def test_former_answers_do_not_stand_under_a_new_question(ada: Person) -> None:
    ada.goes_to("Compare")
    lanes = ada.page.locator(".st-key-lanes")
    for question, former in (("the first one", ""), ("the second one", "the first one"), ("a third", "the second one")):
        ada.composer().fill(f"{question} demo:slow demo:long" if former else question)
        ada.composer().press("Enter")
        expect(lanes.get_by_text(question).first).to_be_visible()
        if former:  # looked at once: the reply that is written on would cover it in time
            assert lanes.get_by_text(former).count() == 0
            expect(lanes.get_by_test_id("stCaptionContainer")).to_have_count(0)
            expect(ada.button("Stop all")).to_be_visible()
            expect(lanes).to_have_count(1)
            ada.button("Stop all").click()
        expect(ada.button("Stop all")).to_have_count(0)
        expect(lanes.get_by_test_id("stCaptionContainer")).to_have_count(2)


def test_a_comparison_over_the_limit_leaves_no_empty_chat(ada: Person, api: Server) -> None:
    root = api.person("root")
    found = root.call("GET", f"/admin/users?search={ada.name}").json["items"][0]["id"]
    assert root.call("PATCH", f"/admin/users/{found}", {"limits": {"generations": 1}}).status == 200
    ada.goes_to("Compare")
    ada.composer().fill("two are one too many")
    ada.composer().press("Enter")
    expect(ada.page.locator(".st-key-wrong-notice")).to_contain_text("used all 1 replies of this hour; try again in")
    expect(ada.composer()).to_have_value("two are one too many")
    expect(ada.row("New chat")).to_have_count(0)


def test_one_lane_that_fails_leaves_the_other(ada: Person) -> None:
    ada.goes_to("Models")
    ada.page.locator(".st-key-add-custom button").click()
    ada.field("Address").fill("http://127.0.0.1:9/v1")
    ada.field("Model (optional)").fill("away")
    ada.button("Add model").click()
    expect(ada.page.locator("[class*=st-key-line-config-]")).to_have_count(1)
    ada.goes_to("Compare")
    ada.composer().fill("is anybody there")
    ada.composer().press("Enter")
    lanes = ada.page.locator("[class*=st-key-lane-]")
    expect(lanes).to_have_count(2)
    ada.chooses("Models", "away", by_typing=False)
    ada.page.keyboard.press("Escape")
    ada.composer().fill("and now")
    ada.composer().press("Enter")
    expect(lanes).to_have_count(3)
    expect(lanes.nth(2).locator("[class*=st-key-wrong-]")).to_contain_text("may not call that address")
    expect(lanes.nth(0)).to_contain_text("You said:")
