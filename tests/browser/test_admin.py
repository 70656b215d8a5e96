"""What only an administrator sees, and what it does to others while they work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PageServer
from tests.browser.person import Person
from tests.server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_member_has_no_admin_page(ada: Person) -> None:
    ada.open_account()
    expect(ada.page.get_by_role("link", name="Settings")).to_be_visible()
    expect(ada.page.get_by_role("link", name="Admin")).to_have_count(0)
    ada.open("/admin")
    expect(ada.page.get_by_text("Page not found")).to_be_visible()
    expect(ada.page.get_by_role("heading", name="Admin")).to_have_count(0)


def test_an_admin_disables_a_user_who_is_streaming(
    root: Person, api: Server, chromium: Browser, page_server: PageServer
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    eve = Person(context, page_server.url, "eve-who-streams")
    root.goes_to("Admin")
    root.field("Email").fill("eve@b.example")
    root.field("Username").fill(eve.name)
    root.field("Password").fill("short")
    root.button("Make the account").click()
    expect(root.page.locator(".st-key-wrong-account-password")).to_be_visible()
    root.field("Password").fill(eve.password)
    root.button("Make the account").click()
    expect(root.page.locator("[class*=st-key-line-account-]").first).to_contain_text(eve.name)

    eve.sign_in()
    eve.sees_empty_chat()
    eve.says("demo:count 5000")
    until(lambda: max(eve.numbers(), default=0) > 10, what="ten numbers")
    root.choose(eve.name, "Disable")
    root.page.locator(".st-key-question-yes button").click()
    expect(root.page.locator("[class*=st-key-line-account-]").first).to_contain_text("disabled")
    expect(eve.field("Email or username")).to_be_visible()
    context.close()

    root.tab("Audit log").click()
    expect(root.page.get_by_text("The newest hundred.")).to_be_visible()
    root.field("Action begins with").fill("no such action")
    expect(root.page.get_by_text("Nothing like that is in the log.")).to_be_visible()


def test_a_budget_that_is_used_up_is_told_with_the_text_kept(root: Person) -> None:
    root.goes_to("Admin")
    root.tab("Budgets").click()
    root.button("Set the budget").click()
    expect(root.page.locator(".st-key-wrong-budget-form")).to_contain_text("Enter how much")
    root.page.get_by_role("combobox", name="In", exact=True).click()
    root.page.get_by_role("option", name="Tokens").click()
    root.field("How much").fill("0")
    root.button("Set the budget").click()
    expect(root.page.locator("[class*=st-key-line-budget-]")).to_have_count(1)
    try:
        root.button("New chat").click()
        root.sees_empty_chat()
        root.composer().fill("worth more than nothing")
        root.composer().press("Enter")
        expect(root.page.locator(".st-key-wrong-notice")).to_be_visible()
        expect(root.composer()).to_have_value("worth more than nothing")
    finally:
        root.goes_to("Admin")
        root.tab("Budgets").click()
        root.button("Remove").click()
        expect(root.page.locator("[class*=st-key-line-budget-]")).to_have_count(0)
