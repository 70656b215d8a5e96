"""The stack's page in Chromium: its WebSocket through the proxy, a reply word by word, a reload, a file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import chromium as chromium  # noqa: PLC0414  (a fixture)
from tests.browser.person import PATIENCE, Person
from tests.browser.test_chat import counts_past
from tests.browser.test_files import chooses, shuts
from tests.stack.parts import PAGE, URL

pytestmark = [
    pytest.mark.skipif(not (URL and PAGE), reason="no page runs: set STACK_URL and STACK_PAGE_URL"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def ada(chromium: Browser, headers: dict[str, str]) -> Iterator[Person]:
    """Registered on the page; `headers` is the first account, which needs the set-up code."""
    assert headers
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    person = Person(context, PAGE, f"p{uuid.uuid4().hex[:10]}")
    person.register()
    yield person
    context.close()


def test_a_reload_in_mid_answer_and_a_file(ada: Person) -> None:
    sockets: list[str] = []
    ada.page.on("websocket", lambda socket: sockets.append(socket.url))
    ada.says("demo:count 300")
    counts_past(ada, 10)
    ada.page.reload()
    counts_past(ada, 20)
    assert sockets
    assert all(url.startswith(PAGE.replace("http", "ws", 1)) for url in sockets), sockets
    ada.sees_reply_end()
    assert ada.numbers() == list(range(1, 301))

    chooses(ada, "notes.md", b"# Chapter one")
    expect(ada.page.locator(".st-key-files")).to_contain_text("notes.md")
    shuts(ada)
    ada.says("demo:fast what is in it?")
    ada.sees_reply_end()
    ada.page.reload()
    expect(ada.bubble("what is in it?")).to_contain_text("notes.md")
