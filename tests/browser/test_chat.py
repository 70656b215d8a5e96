"""A reply that cannot be lost: streamed, stopped, reloaded, left and come back to."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person
from tests.server import Server, until
from tests.survival.parts import freeze, thaw

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def counts_past(person: Person, number: int) -> None:
    until(lambda: max(person.numbers(), default=0) > number, what=f"the reply to count past {number}")


def queued(person: Person) -> Locator:
    """The messages that wait, over the box."""
    return person.page.locator("[data-testid=stLayoutWrapper] > [class*=st-key-queued-]")


def test_a_reload_in_mid_answer_shows_it_from_its_start_and_goes_on(ada: Person) -> None:
    ada.says("demo:count 400")
    counts_past(ada, 20)
    ada.page.reload()
    counts_past(ada, 30)
    assert ada.numbers()[:10] == list(range(1, 11))
    ada.sees_reply_end()
    assert ada.numbers() == list(range(1, 401))


def test_a_closed_tab_loses_nothing(ada: Person) -> None:
    ada.says("demo:count 200")
    counts_past(ada, 5)
    address = ada.page.url
    ada.page.close()
    later = ada.new_tab()
    later.page.goto(address)
    later.sees_reply_end()
    assert later.numbers() == list(range(1, 201))


def test_a_second_tab_sees_the_same_reply(ada: Person) -> None:
    ada.says("demo:count 300")
    counts_past(ada, 10)
    second = ada.new_tab()
    second.page.goto(ada.page.url)
    counts_past(second, 20)
    for tab in (ada, second):
        tab.sees_reply_end()
        assert tab.numbers() == list(range(1, 301))


def test_stop_keeps_what_came_and_says_so(ada: Person) -> None:
    ada.says("demo:count 5000")
    counts_past(ada, 10)
    ada.stop_button().click()
    expect(ada.reply()).to_contain_text("Stopped")
    kept = ada.numbers()
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) < 5000


def test_stop_is_heard_while_the_provider_is_silent(ada: Person) -> None:
    ada.says("demo:stall")
    expect(ada.reply()).to_contain_text("This is")
    ada.stop_button().click()
    expect(ada.reply()).to_contain_text("Stopped")


def test_a_sign_of_life_stands_until_the_first_word(ada: Person) -> None:
    ada.says("demo:count 30")
    ada.sees_reply_end()
    ada.page.get_by_role("status", name="Waiting for the reply").wait_for(state="detached")


def test_two_chats_run_at_once_and_the_list_marks_them(ada: Person) -> None:
    ada.says("demo:count 300 in the first")
    counts_past(ada, 3)
    ada.button("New chat").click()
    ada.sees_empty_chat()
    ada.says("hello from the second")
    ada.sees_reply_end()
    expect(ada.row("demo:count 300")).to_be_visible()
    ada.row("demo:count 300").click()
    expect(ada.bubble("in the first")).to_be_visible()
    ada.sees_reply_end()
    assert ada.numbers() == list(range(1, 301))


def test_a_failed_reply_says_what_to_do_and_gives_the_words_back(ada: Person) -> None:
    ada.says("demo:fail please")
    ada.sees_reply_end()
    expect(ada.reply().locator("[class*=st-key-wrong-]")).to_be_visible()
    ada.button("Put my message back").click()
    expect(ada.composer()).to_have_value("demo:fail please")


def test_what_a_failed_reply_left_can_be_continued(ada: Person) -> None:
    ada.says("demo:fail please")
    ada.sees_reply_end()
    expect(ada.reply()).to_contain_text("This is Parley's demo model")
    ada.button("Continue").click()
    expect(ada.reply().locator("[class*=st-key-wrong-]")).to_have_count(0)
    ada.sees_reply_end()
    expect(ada.button("Continue")).to_have_count(0)


def test_a_message_written_while_a_reply_runs_is_sent_at_its_end(ada: Person) -> None:
    ada.says("demo:count 400")
    counts_past(ada, 5)
    ada.composer().fill("and the next thing")
    ada.composer().press("Enter")
    expect(queued(ada)).to_contain_text("Next · and the next thing")
    expect(ada.bubble("and the next thing")).to_be_visible()
    expect(queued(ada)).to_have_count(0)
    ada.sees_reply_end()
    expect(ada.page.get_by_label("Chat message from user")).to_have_count(2)


def test_after_a_stop_a_waiting_message_is_the_persons_to_send_change_or_drop(ada: Person) -> None:
    ada.says("demo:count 5000")
    counts_past(ada, 5)
    for text in ("first of three", "second of three", "third of three"):
        ada.composer().fill(text)
        ada.composer().press("Enter")
        expect(queued(ada).filter(has_text=text)).to_be_visible()
    ada.button("Do not send it").last.click()
    expect(queued(ada)).to_have_count(2)
    ada.stop_button().click()
    expect(ada.reply()).to_contain_text("Stopped")
    expect(queued(ada).first).to_contain_text("Waits")
    ada.button("Change this message").last.click()
    expect(ada.composer()).to_have_value("second of three")
    ada.button("Send now").click()
    expect(ada.bubble("first of three")).to_be_visible()
    ada.sees_reply_end()
    expect(ada.composer()).to_have_value("second of three")


def test_an_api_that_goes_away_comes_back_by_itself(ada: Person, api: Server) -> None:
    ada.says("while it is there")
    ada.sees_reply_end()
    api.kill()
    try:
        ada.composer().fill("into the void")
        ada.composer().press("Enter")
        expect(ada.page.get_by_text("The Parley server does not answer").first).to_be_visible()
    finally:
        api.start()
    expect(ada.bubble("while it is there")).to_be_visible()
    expect(ada.composer()).to_have_value("into the void")
    ada.composer().press("Enter")
    expect(ada.bubble("into the void")).to_have_count(1)
    ada.sees_reply_end()


def test_rename_and_delete(ada: Person) -> None:
    ada.says("an old name")
    ada.sees_reply_end()
    ada.choose("an old name", "Rename")
    expect(ada.field("Title")).to_be_focused()
    ada.field("Title").fill("A *new* name: ![x](y)")
    ada.field("Title").press("Enter")
    expect(ada.row("A *new* name: ![x](y)")).to_be_visible()
    ada.choose("A *new* name: ![x](y)", "Delete")
    expect(ada.button("Cancel")).to_be_focused()
    ada.button("Delete chat").click()
    ada.sees_empty_chat()
    expect(ada.row("A *new* name")).to_have_count(0)


def test_a_dialog_works_while_a_reply_runs(ada: Person) -> None:
    ada.says("demo:count 3000")
    counts_past(ada, 5)
    ada.choose("demo:count 3000", "Rename")
    ada.field("Title").fill("Counting")
    ada.button("Save").click()
    expect(ada.row("Counting")).to_be_visible()
    counts_past(ada, 30)
    expect(ada.stop_button()).to_be_visible()
    ada.stop_button().click()
    expect(ada.reply()).to_contain_text("Stopped")


@pytest.fixture
def beacon() -> Iterator[tuple[str, list[str]]]:
    """A server that notes who calls."""
    calls: list[str] = []

    class Note(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Note) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", calls
        server.shutdown()


def test_nothing_a_model_writes_calls_another_host(ada: Person, beacon: tuple[str, list[str]]) -> None:
    url, calls = beacon
    text = f"![a]({url}/1) <img src='{url}/2'> [b]({url}/3) ![c][r]\n\n[r]: {url}/4\n\n<script src='{url}/5'></script>"
    ada.composer().fill(text)
    ada.composer().press("Enter")
    ada.sees_reply_end()
    expect(ada.reply()).to_contain_text("You said:")
    assert calls == []
    # And were it drawn after all, the policy would not let it out.
    script = "url => new Promise(done => {const i = new Image(); i.onload = i.onerror = done; i.src = url})"
    ada.page.evaluate(script, f"{url}/6")
    assert calls == []


def test_what_is_being_typed_survives_an_api_that_goes_away(ada: Person, api: Server) -> None:
    ada.says("while it is there")
    ada.sees_reply_end()
    ada.composer().fill("half a thought")
    api.kill()
    try:
        ada.row("while it is there").click()
        expect(ada.page.get_by_text("The Parley server does not answer").first).to_be_visible()
        expect(ada.composer()).to_have_value("half a thought")
    finally:
        api.start()
    expect(ada.bubble("while it is there")).to_be_visible()
    expect(ada.composer()).to_have_value("half a thought")


def test_a_message_sent_while_the_page_is_still_being_made_arrives(ada: Person, api: Server) -> None:
    ada.page.reload()  # the first run of a page knows the composer; the second forgets it until it is drawn again
    ada.sees_empty_chat()
    expect(ada.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    freeze(api)
    try:
        ada.button("New chat").click()
        expect(ada.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "running")
        ada.composer().fill("said in between")
        ada.composer().press("Enter")
        expect(ada.composer()).to_have_value("")
    finally:
        thaw(api)
    expect(ada.bubble("said in between")).to_be_visible()
    ada.sees_reply_end()
    expect(ada.page.get_by_label("Chat message from user")).to_have_count(1)


def test_a_click_while_words_are_being_sent_takes_nothing_from_them(ada: Person, api: Server) -> None:
    freeze(api)
    try:
        ada.composer().fill("said, and gone on")
        ada.composer().press("Enter")
        expect(ada.composer()).to_have_value("")
        ada.button("New chat").click()
    finally:
        thaw(api)
    expect(ada.row("said, and gone on")).to_be_visible()
    ada.row("said, and gone on").click()
    expect(ada.bubble("said, and gone on")).to_be_visible()
    ada.sees_reply_end()


def test_escape_stops_the_reply(ada: Person) -> None:
    ada.says("demo:count 5000")
    counts_past(ada, 10)
    ada.composer().press("Escape")
    expect(ada.reply()).to_contain_text("Stopped")


def test_an_old_conversation_shows_its_beginning_when_asked(ada: Person) -> None:
    for number in range(27):
        ada.says(f"demo:fast demo:count 1 message-{number}-")
        ada.sees_reply_end()
    ada.page.reload()
    expect(ada.bubble("message-26-")).to_be_visible()
    expect(ada.bubble("message-0-")).to_have_count(0)
    ada.button("Show earlier messages").click()
    expect(ada.bubble("message-0-")).to_have_count(1)
    expect(ada.button("Show earlier messages")).to_have_count(0)


def test_a_chat_is_opened_from_the_models_page(ada: Person) -> None:
    ada.says("where I came from")
    ada.sees_reply_end()
    ada.open("/models")
    expect(ada.page.get_by_text("Add a model")).to_be_visible()
    ada.row("where I came from").click()
    expect(ada.bubble("where I came from")).to_be_visible()
    expect(ada.page).to_have_url(re.compile(r"/\?chat="))


def test_escape_in_a_menu_stops_nothing(ada: Person) -> None:
    ada.says("demo:count 3000")
    counts_past(ada, 5)
    ada.open_account()
    ada.page.keyboard.press("Escape")
    expect(ada.button("Sign out")).to_be_hidden()
    counts_past(ada, max(ada.numbers()) + 20)
    ada.stop_button().click()
    expect(ada.reply()).to_contain_text("Stopped")
