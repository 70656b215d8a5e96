"""What only an administrator sees, and what it does to others while they work."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.server import Server, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_a_member_has_no_admin_page(ada: Person) -> None:
    ada.open_account()
    expect(ada.page.get_by_role("link", name="Settings")).to_be_visible()
    expect(ada.page.get_by_role("link", name="Admin")).to_have_count(0)
    ada.open("/admin")
    expect(ada.page.get_by_text("for the administrators of this server")).to_be_visible()
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    expect(ada.page.get_by_role("tab")).to_have_count(0)
    ada.button("Back to your chats").click()
    ada.sees_empty_chat()


def test_an_admin_disables_a_user_who_is_streaming(root: Person, other: Person, api: Server) -> None:
    eve = other
    eve.name = "eve-who-streams"
    root.goes_to("Admin")
    root.field("Email").fill("eve@b.example")
    root.field("Username").fill(eve.name)
    root.field("Password").fill("short")
    root.button("Make the account").click()
    expect(root.page.locator(".st-key-wrong-account-password")).to_be_visible()
    root.field("Password").fill(eve.password)
    root.button("Make the account").click()
    line = root.page.locator("[class*=st-key-line-account-]").first
    expect(line).to_contain_text("eve-who-streams · eve@b.example")
    expect(line.get_by_role("link")).to_have_count(0)

    eve.sign_in()
    eve.sees_empty_chat()
    eve.says("demo:count 5000")
    until(lambda: max(eve.numbers(), default=0) > 10, what="ten numbers")
    root.button(f"Options for {eve.name}").click()
    menu = root.page.get_by_role("menu", name=f"Options for {eve.name}", exact=True)  # read aloud without escapes
    menu.get_by_role("menuitem", name="Disable").click()
    root.page.locator(".st-key-question-yes button").click()
    expect(root.page.locator("[class*=st-key-line-account-]").first).to_contain_text("disabled")
    expect(eve.field("Email or username")).to_be_visible()

    root.tab("Audit log").click()
    expect(root.page.get_by_text("The newest hundred.")).to_be_visible()
    root.field("Action begins with").fill("no such action")
    expect(root.page.get_by_text("Nothing like that is in the log.")).to_be_visible()


def test_a_budget_that_is_used_up_is_told_with_the_text_kept(root: Person) -> None:
    root.goes_to("Admin")
    root.tab("Budgets").click()
    root.button("Set the budget").click()
    expect(root.page.locator(".st-key-wrong-budget-form")).to_contain_text("Enter how much")
    root.chooses("In", "Tokens", by_typing=False)
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


def test_what_is_left_of_a_budget_stands_on_the_usage_page(root: Person, api: Server) -> None:
    owner = api.person("root")
    assert (
        owner.call("PUT", "/admin/budgets", {"scope": "everyone", "period": "month", "dollars": "12.50"}).status < 300
    )
    try:
        root.goes_to("Usage")
        expect(root.page.locator(".st-key-budget-left-0")).to_contain_text("$12.50 of $12.50 left, full again on 1 ")
    finally:
        for budget in owner.call("GET", "/admin/budgets").json["items"]:
            owner.call("DELETE", f"/admin/budgets/{budget['id']}")


def test_a_budget_that_is_nearly_used_up_is_told_of_while_one_writes(ada: Person, api: Server) -> None:
    root = api.person("root")
    (account,) = root.call("GET", f"/admin/users?search={ada.name}").json["items"]
    budget = {"scope": "user", "user_id": account["id"], "period": "day", "tokens": 4500}
    assert root.call("PUT", "/admin/budgets", budget).status == 200
    ada.says("most of it is put aside for the answer")
    expect(ada.page.locator(".st-key-note-notice")).to_contain_text("Your budget of tokens a day is used to 9")
    ada.sees_reply_end()
    ada.goes_to("Usage")
    expect(ada.page.locator(".st-key-budget-left-0")).to_contain_text("of 4,500 tokens left")


def test_a_password_is_reset_and_ends_the_persons_sessions(root: Person, api: Server, other: Person) -> None:
    made = {"username": other.name, "email": f"{other.name}@b.example", "password": other.password}
    assert api.person("root").call("POST", "/admin/users", made).status == 201
    other.sign_in()
    other.sees_empty_chat()
    root.goes_to("Admin")
    root.field("Find an account").fill(other.name)
    expect(root.page.locator("[class*=st-key-line-account-]")).to_have_count(1)
    root.choose(other.name, "New password")
    field = root.field("New password")
    expect(field).to_be_focused()
    field.fill("short")
    root.button("Set the password").click()
    expect(root.page.locator("[class*=st-key-wrong-reset-]")).to_be_visible()
    field.fill("a new one told in person")
    root.button("Set the password").click()
    expect(field).to_have_count(0)
    other.composer().fill("typed while it was reset")
    other.composer().press("Enter")
    expect(other.page.get_by_text("Your session has ended")).to_be_visible()
    other.sign_in("a new one told in person")
    expect(other.composer()).to_be_visible()


def test_a_limit_that_is_reached_is_told_with_the_text_kept(root: Person, api: Server, other: Person) -> None:
    made = {"username": other.name, "email": f"{other.name}@b.example", "password": other.password}
    assert api.person("root").call("POST", "/admin/users", made).status == 201
    root.goes_to("Admin")
    root.field("Find an account").fill(other.name)
    expect(root.page.locator("[class*=st-key-line-account-]")).to_have_count(1)
    root.choose(other.name, "Limits")
    root.field("Replies").fill("1")
    root.button("Set the limits").click()
    expect(root.page.get_by_text("These limits hold now.")).to_be_visible()
    other.sign_in()
    other.sees_empty_chat()
    other.says("the one that is allowed")
    other.sees_reply_end()
    other.composer().fill("one too many")
    other.composer().press("Enter")
    expect(other.page.locator(".st-key-wrong-notice")).to_contain_text("used all 1 replies of this hour; try again in")
    expect(other.composer()).to_have_value("one too many")


def test_rules_and_prices_are_set_and_taken_back(root: Person) -> None:
    root.goes_to("Admin")
    root.tab("Limits").click()
    root.button("Set the limit").click()
    expect(root.page.locator(".st-key-wrong-rule-form")).to_contain_text("Enter how many")
    root.chooses("For", "Account: no-such-person")
    root.field("At most, an hour").fill("5000")
    root.button("Set the limit").click()
    expect(root.page.locator(".st-key-wrong-rule-form")).to_contain_text("No account is called no-such-person")
    root.chooses("For", "Account: root")
    root.button("Set the limit").click()
    line = root.page.locator("[class*=st-key-line-rule-]")
    expect(line).to_contain_text("5,000 calls")
    expect(line).to_contain_text("Account: root")
    root.button("Remove").click()
    expect(line).to_have_count(0)

    root.tab("Prices").click()
    root.button("Set the price").click()
    expect(root.page.locator(".st-key-wrong-price-model")).to_contain_text("custom/*")
    root.field("Model").fill("custom/*")
    root.field("Read, $").fill("half a dollar")
    root.button("Set the price").click()
    expect(root.page.locator(".st-key-wrong-price-input")).to_be_visible()
    root.field("Read, $").fill("0.50")
    root.field("Written, $").fill("1.5")
    root.button("Set the price").click()
    line = root.page.locator("[class*=st-key-line-price-]")
    expect(line).to_contain_text("Every model of custom")
    expect(line).to_contain_text("$0.5 read · $1.5 written")
    root.button("Remove").click()
    expect(line).to_have_count(0)


def test_settings_hold_at_once_and_a_shared_config_is_taken_back(root: Person, api: Server) -> None:
    owner = api.person("root")
    shared = {"name": "For all", "provider": "openai", "api_key": "sk-0123456789", "model": "text", "shared": True}
    config = owner.call("POST", "/model-configs", shared).json["id"]
    try:
        root.goes_to("Admin")
        root.tab("Providers").click()
        line = root.page.locator("[class*=st-key-line-shared-]")
        expect(line).to_contain_text("For all")
        root.button("Stop sharing").click()
        root.page.locator(".st-key-question-yes button").click()
        expect(line).to_have_count(0)
        root.tab("Settings").click()
        root.field("Days an untouched chat is kept").fill("90")
        root.field("Days an image is kept").fill("30")
        root.button("Save settings").click()
        expect(root.page.get_by_text("These settings hold now.")).to_be_visible()
        kept = owner.call("GET", "/admin/settings").json
        assert (kept["retention_chats_days"], kept["retention_images_days"]) == (90, 30)
        root.field("Days an untouched chat is kept").fill("")
        root.button("Save settings").click()
        until(lambda: owner.call("GET", "/admin/settings").json["retention_chats_days"] is None, what="for ever")
    finally:
        owner.call("DELETE", f"/model-configs/{config}")
        owner.call("PATCH", "/admin/settings", {"reset": ["retention_chats_days", "retention_images_days"]})
