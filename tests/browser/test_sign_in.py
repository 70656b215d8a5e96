"""Who the page is for: registering, signing in and out, and everything that must survive or must not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import PageServer
from tests.browser.person import Person
from tests.server import Server, call, until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_register_and_get_the_first_answer(someone: Person) -> None:
    someone.page.goto(someone.url)
    expect(someone.field("Email or username")).to_be_focused()
    someone.register()
    expect(someone.composer()).to_be_focused()
    someone.says("Hello there")
    expect(someone.reply()).to_contain_text("You said:")
    expect(someone.reply()).to_contain_text("Hello there")
    someone.sees_reply_end()
    expect(someone.row("Hello there")).to_be_visible()
    expect(someone.page).to_have_title(re.compile("Hello there"))


def test_no_token_reaches_the_browser(ada: Person) -> None:
    cookies = {cookie["name"]: cookie for cookie in ada.context.cookies()}
    assert cookies["parley_session"]["httpOnly"] is True
    assert cookies["parley_session"]["sameSite"] == "Lax"
    assert "parley_session" not in ada.page.evaluate("document.cookie")
    stored = ada.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert "eyJ" not in stored + ada.page.content()


def test_a_wrong_password_is_told_beside_the_form_and_typed_text_stays(ada: Person) -> None:
    ada.sign_out()
    ada.sign_in("not the password")
    expect(ada.page.locator(".st-key-wrong-form")).to_contain_text("is not right")
    expect(ada.field("Email or username")).to_have_value(ada.name)
    expect(ada.field("Password")).to_be_focused()
    ada.field("Password").fill(ada.password)
    ada.field("Password").press("Enter")
    ada.sees_empty_chat()


def test_what_fields_take_is_told_before_and_every_refused_one_marked(someone: Person) -> None:
    someone.page.goto(someone.url)
    someone.button("Create an account").click()
    expect(someone.field("Email or username")).to_have_count(0)  # the other form has left
    expect(someone.page.get_by_text("At least 8 characters")).to_be_visible()
    expect(someone.page.get_by_text("3 to 50 letters")).to_be_visible()
    someone.field("Username").fill("a b")
    someone.field("Password").fill("short")
    someone.button("Create account").click()
    wrong = someone.page.locator("[class*=st-key-wrong-register_]")
    expect(wrong).to_have_count(3)
    expect(wrong.nth(0)).to_contain_text("Enter your email address")
    expect(wrong.nth(1)).to_contain_text("3 to 50")
    expect(wrong.nth(2)).to_contain_text("8 to 200")
    expect(someone.field("Email")).to_be_focused()
    someone.field("Email").fill(f"{someone.name}@example.com")
    someone.field("Username").fill(someone.name)
    someone.button("Create account").click()
    expect(wrong).to_have_count(1)
    expect(someone.page.locator(".st-key-wrong-register_password")).to_contain_text("8")
    expect(someone.field("Password")).to_be_focused()


def test_a_reload_and_a_new_tab_stay_signed_in(ada: Person) -> None:
    ada.says("first of all")
    ada.sees_reply_end()
    ada.page.reload()
    expect(ada.bubble("first of all")).to_be_visible()
    second = ada.new_tab()
    second.open()
    second.sees_empty_chat()
    expect(second.row("first of all")).to_be_visible()


def test_a_restart_of_the_page_keeps_the_session(ada: Person, page_server: PageServer) -> None:
    ada.says("before the restart")
    ada.sees_reply_end()
    page_server.restart()
    ada.page.reload()
    expect(ada.bubble("before the restart")).to_be_visible()
    ada.says("after the restart")
    ada.sees_reply_end()


def test_signing_out_ends_the_session_everywhere(ada: Person, api: Server) -> None:
    second = ada.new_tab()
    second.open()
    second.sees_empty_chat()
    handle = next(c["value"] for c in ada.context.cookies() if c["name"] == "parley_session")
    ada.sign_out()
    assert "parley_session" not in {cookie["name"] for cookie in ada.context.cookies()}
    secret = api.environment["PAGE_SECRET"]
    answer = call(api.port, "POST", "/auth/resume", {"handle": handle}, **{"X-Page-Secret": secret})
    assert answer.status == 401
    second.composer().fill("am I still here?")
    second.composer().press("Enter")
    expect(second.page.get_by_text("Your session has ended")).to_be_visible()
    expect(second.field("Email or username")).to_be_focused()
    expect(second.page.get_by_test_id("stSidebar")).to_be_hidden()
    second.field("Email or username").fill(ada.name)
    second.field("Password").fill(ada.password)
    second.button("Sign in").click()
    expect(second.composer()).to_have_value("am I still here?")


def test_another_persons_session_never_meets_this_ones_page(ada: Person, someone: Person) -> None:
    """Ann's tab is open while Bob signs in in the same browser: at the reload it is Bob's, with nothing of Ann's."""
    ada.says("Ann's own secret")
    ada.sees_reply_end()
    second = ada.new_tab()
    second.open()
    second.sees_empty_chat()
    second.sign_out()
    bob = Person(ada.context, ada.url, ada.name + "b")
    bob.register()
    ada.page.reload()
    expect(ada.page.get_by_text("This chat is not there")).to_be_visible()
    expect(ada.page.get_by_text("Ann's own secret")).to_have_count(0)
    expect(ada.page.locator(".st-key-account")).to_contain_text(bob.name)


def test_what_is_typed_while_the_cookie_is_set_stays(someone: Person) -> None:
    held: list[Route] = []
    someone.page.route("**/auth/exchange", lambda route: held.append(route))
    with someone.page.expect_request("**/auth/exchange"):
        someone.register()
    someone.composer().fill("typed before the cookie came")
    until(lambda: someone.page.locator(".st-key-plumbing-exchange").count() and held, what="the call, held")
    held.pop().continue_()
    expect(someone.page.locator(".st-key-plumbing-exchange")).to_have_count(0)
    expect(someone.composer()).to_have_value("typed before the cookie came")
    someone.composer().press("Enter")
    expect(someone.bubble("typed before the cookie came")).to_be_visible()
