"""`make screenshots` (ARGS="chat usage" for some): every page in light and dark at three widths. Not a test."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import FLAGS, PageServer
from tests.browser.person import Person
from tests.conftest import SECRETS
from tests.server import ROOT, Server, running_server

IMAGES = ROOT / "docs" / "images"
SIZES = ((390, 844), (768, 1024), (1440, 900))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUESTION = "demo:markdown What can you show me?"


def nothing(person: Person) -> None:
    """The page as it opens."""


def tab(name: str) -> Callable[[Person], None]:
    return lambda person: person.tab(name).click()


def compared(person: Person) -> None:
    person.composer().fill(QUESTION)
    person.composer().press("Enter")
    lanes = person.page.locator("[class*=st-key-lane-]")
    for lane in (0, 1):
        expect(lanes.nth(lane)).to_contain_text("tokens")
    expect(person.button("Stop all")).to_have_count(0)


SHOTS: tuple[tuple[str, str, Callable[[Person], None]], ...] = (
    ("start", "", nothing),
    ("chat", "/?chat={chat}", nothing),
    ("compare", "/compare", compared),
    ("prompts", "/prompts", nothing),
    ("models", "/models", nothing),
    ("catalogue", "/models", tab("All models")),
    ("usage", "/usage", nothing),
    ("settings", "/settings", nothing),
    ("data", "/settings", tab("Data")),
    ("admin", "/admin", nothing),
)


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        with running_server(f"sqlite:///{folder}/parley.db", folder, PAGE_SECRET=SECRETS["page_secret"]) as api:
            chat = furnished(api)
            page = PageServer(api, folder)
            try:
                page.start()
                shoot(browser, page.url, chat)
            finally:
                page.stop()
        browser.close()


def furnished(api: Server) -> str:
    """A person with a few chats; the chat to show."""
    ada = api.person("ada")
    ada.call("PATCH", "/users/me", {"full_name": "Ada Lovelace"})
    for title in ("Invoice reminder", "SQLite or PostgreSQL", "Trip to Lofoten", "Release notes for 2.0"):
        ada.chat(title=title, pinned=title.startswith("Release"))
    chat = ada.chat()
    ada.call("POST", f"/chats/{chat}/messages", {"content": QUESTION})
    return chat


def shoot(browser: Browser, url: str, chat: str) -> None:
    context = browser.new_context()
    person = Person(context, url, "ada")
    person.password = "ada has a long password"
    person.sign_in()
    person.sees_empty_chat()
    signed_in: Any = context.storage_state()
    context.close()
    for scheme in SCHEMES:
        for width, height in SIZES:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, storage_state=signed_in
            )
            for name, path, prepare in (shot for shot in SHOTS if shot[0] in (sys.argv[1:] or shot[0])):
                person = Person(context, url, "ada")
                person.open(path.format(chat=chat))
                person.page.get_by_role("heading", level=1).or_(person.reply()).first.wait_for()
                prepare(person)
                person.settles()
                person.page.wait_for_timeout(700)  # what fades in
                picture = Image.open(io.BytesIO(person.page.screenshot())).convert("RGB")
                picture.save(IMAGES / f"{name}-{scheme}-{width}.webp", quality=72, method=6)
                person.page.close()
            context.close()


if __name__ == "__main__":
    main()
