"""What a person does on the page, in their own words. Waits for what they would see, never for a time."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Locator, Page, TimeoutError, expect

from tests.server import Person as Account
from tests.server import Server, call, until
from ui.render import spoken

PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


class Person:
    def __init__(self, context: BrowserContext, url: str, name: str) -> None:
        self.context = context
        self.url = url
        self.name = name
        self.password = "correct horse battery"
        self.page = context.new_page()

    # Accounts

    def register(self) -> None:
        self.page.goto(self.url)
        self.button("Create an account").click()
        expect(self.field("Email or username")).to_have_count(0)  # the other form has left
        self.field("Email").fill(f"{self.name}@example.com")
        self.field("Username").fill(self.name)
        self.field("Password").fill(self.password)
        self.button("Create account").click()
        self.sees_empty_chat()

    def sign_in(self, password: str = "") -> None:
        self.page.goto(self.url)
        expect(self.field("Email or username")).to_be_focused()  # else the focus comes while the password is typed
        self.field("Email or username").fill(self.name)
        self.field("Password").fill(password or self.password)
        self.button("Sign in").click()

    def sign_out(self) -> None:
        self.open_account()
        self.button("Sign out").click()
        expect(self.field("Email or username")).to_be_visible()

    def open_account(self) -> None:
        self._unfold(self.page.locator(".st-key-account button").first, self.button("Sign out"))

    def _unfold(self, opener: Locator, entry: Locator, typed: str = "") -> None:
        """Opens what hides the entry, again where a page that was still being drawn shut it."""

        def shown() -> bool:
            if entry.is_visible():
                return True
            if opener.get_attribute("aria-expanded") != "true":
                opener.click()
                if typed:
                    opener.fill(typed)
                self.page.wait_for_timeout(300)  # what it opens comes in the browser's own time
            return entry.is_visible()

        until(shown, what="what the button opens")

    def takes(self, opener: Locator, entry: Locator, typed: str = "") -> None:
        """Takes an entry of a list or a menu, which shuts when the page behind it scrolls."""

        def taken() -> bool:
            self._unfold(opener, entry, typed)
            try:
                entry.click(timeout=5_000)
            except TimeoutError:
                return False
            return True

        until(taken, what="the entry to be taken")

    # Chatting

    def says(self, text: str) -> None:
        box = self.composer()
        box.fill(text)
        box.press("Enter")
        expect(self.bubble(text)).to_be_visible()

    def composer(self) -> Locator:
        return self.page.get_by_test_id("stChatInputTextArea")

    def bubble(self, text: str) -> Locator:
        return self.page.get_by_label("Chat message from user").filter(has_text=text).last

    def reply(self) -> Locator:
        return self.page.get_by_label("Chat message from assistant").last

    def stop_button(self) -> Locator:
        return self.page.locator(".st-key-stop button")

    def sees_reply_end(self) -> None:
        expect(self.page.locator("[class*=st-key-turn-assistant]").last).to_be_visible()
        expect(self.stop_button()).to_have_count(0)

    def sees_empty_chat(self) -> None:
        expect(self.page.get_by_text("What can I help with?")).to_be_visible()
        expect(self.composer()).to_be_visible()

    def numbers(self) -> list[int]:
        """The numbers of a counting reply, as far as they are shown."""
        return [int(number) for number in re.findall(r"\d+", self.reply().locator("p").first.inner_text())]

    # The sidebar

    def row(self, title: str) -> Locator:
        return self.page.locator("[class*=st-key-chat-] button").filter(has_text=title)

    def choose(self, title: str, entry: str) -> None:
        self.takes(self.button(f"Options for {spoken(title)}"), self._entry(entry))

    def lists(self, entry: str) -> None:
        """Chooses which chats the sidebar shows."""
        self.takes(self.page.locator(".st-key-shelf-menu button").first, self._entry(entry))

    def answer_menu(self, entry: str) -> None:
        """An entry of the last answer's menu."""
        self.takes(self.button("More about this answer").last, self._entry(entry))

    def _entry(self, name: str) -> Locator:
        return self.page.get_by_role("menuitem", name=name).or_(self.page.get_by_role("option", name=name)).first

    # Finding things

    def goes_to(self, place: str) -> None:
        """A page of the sidebar or of the account's menu."""
        link = self.page.get_by_role("link", name=place, exact=True)
        if place in {"Settings", "Admin"}:
            self.open_account()
        link.click()
        expect(self.page.get_by_role("heading", name=place, level=1)).to_be_visible()

    def tab(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=name, exact=True)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def chooses(self, label: str, text: str, *, by_typing: bool = True) -> None:
        """Takes what a list offers; by typing into it also what is new in it."""
        box = self.page.get_by_role("combobox", name=label, exact=True)
        entry = self.page.get_by_role("option").filter(has_text=text).first
        several = self.page.get_by_test_id("stMultiSelect").filter(has=box)

        def chosen() -> bool:
            self.takes(box, entry, text if by_typing else "")
            if several.count() == 0:
                return True
            try:
                expect(several).to_contain_text(text, timeout=3_000)
            except AssertionError:  # a list that is drawn anew under the pointer takes no click
                return False
            return True

        until(chosen, what="the entry to be chosen")

    def settles(self) -> None:
        """Nothing is being drawn any more."""
        idle = '[data-testid=stApp][data-test-script-state="notRunning"]'
        self.page.locator(idle).wait_for()
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0)

    def new_tab(self) -> Person:
        return Person(self.context, self.url, self.name)

    def open(self, path: str = "") -> Page:
        self.page.goto(self.url + path)
        return self.page


def account(person: Person, api: Server) -> Account:
    """The same person without the page."""
    answer = call(api.port, "POST", "/auth/login", {"username": person.name, "password": person.password})
    return Account(api.port, answer.json["access_token"])
