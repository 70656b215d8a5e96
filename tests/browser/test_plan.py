"""Plan mode on the page: switched on, the plan put in other words, followed, shown after a reload, switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_axe import violations
from tests.server import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_plan_is_reviewed_edited_and_followed(ada: Person) -> None:
    ada.button("Settings").click()
    ada.page.get_by_text("Plan first").click()
    ada.chooses("Answers", "thinking", by_typing=False)
    expect(ada.page.get_by_role("checkbox", name="Let me review")).to_be_checked()
    until(lambda: not violations(ada, "settings of a chat"), what="axe to find nothing, once nothing fades")
    ada.page.keyboard.press("Escape")
    ada.says("how do I do that?")
    expect(ada.page.locator(".st-key-plan-badge")).to_contain_text("demo plans, demo-thinking answers, you review")
    expect(ada.button("Answer by this plan")).to_be_visible()
    until(lambda: not violations(ada, "plan"), what="axe to find nothing, once nothing fades")
    ada.button("Edit the plan").click()
    expect(ada.field("The plan")).not_to_have_value("")
    ada.field("The plan").fill("1. Measure twice\n2. Cut once")
    ada.button("Save").click()
    expect(ada.page.locator("[class*=st-key-plan-] li").first).to_have_text("Measure twice")
    expect(ada.page.get_by_text("2/2")).to_be_visible()  # the planner's own words are one click away
    ada.button("Answer by this plan").click()
    expect(ada.reply()).to_contain_text("demo-thinking")
    ada.sees_reply_end()
    ada.page.reload()
    ada.page.get_by_text("The plan", exact=True).click()
    expect(ada.page.get_by_text("Cut once")).to_be_visible()
    expect(ada.page.locator("[class*=st-key-plan-steps-]")).to_contain_text("Review")
    ada.button("Turn plan mode off").click()
    expect(ada.page.locator(".st-key-plan-badge")).to_have_count(0)
    ada.says("and now without one")
    ada.sees_reply_end()
    expect(ada.page.locator("[class*=st-key-plan-steps-]")).to_have_count(1)


def test_without_review_the_answer_follows_at_once(ada: Person) -> None:
    ada.composer().fill("/model:plan-mode demo/demo-thinking demo/demo")
    ada.composer().press("Enter")
    expect(ada.page.locator(".st-key-plan-badge")).to_contain_text("demo-thinking plans, demo answers")
    ada.says("in two steps")
    expect(ada.page.locator("[class*=st-key-turn-assistant]")).to_have_count(2)
    ada.sees_reply_end()
    expect(ada.page.get_by_text("The plan", exact=True)).to_be_visible()
    expect(ada.reply()).to_contain_text("Follow this plan")
