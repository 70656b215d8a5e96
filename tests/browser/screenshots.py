"""`make screenshots` (ARGS="chat usage" for some): every page in light and dark at three widths. Not a test."""

from __future__ import annotations

import base64
import io
import math
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, expect, sync_playwright

from tests.answers import Answers
from tests.browser.conftest import FLAGS, PageServer
from tests.browser.person import Person
from tests.conftest import SECRETS
from tests.server import ROOT, Server, running_server

IMAGES = ROOT / "docs" / "images"
SIZES = ((390, 844), (768, 1024), (1440, 900))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUESTION = "What can you show me? demo:markdown"


def nothing(person: Person) -> None:
    """The page as it opens."""


def tab(name: str) -> Callable[[Person], None]:
    return lambda person: person.tab(name).click()


def searched(person: Person) -> None:
    """The palette, with what it found in messages."""
    person.page.locator("dialog.parley-palette").wait_for(state="attached")
    person.page.keyboard.press("Control+k")
    person.page.get_by_role("combobox", name="Find or do").press_sequentially("postgres")
    expect(person.page.locator(".parley-palette mark").first).to_be_visible()


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
    ("search", "/?chat={chat}", searched),
    ("compare", "/compare", compared),
    ("images", "/images", nothing),
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
        painter = Answers(
            {"/v1/openai/images/generations": painted, "/v1/openai/models": {"data": [{"id": "openai/gpt-image-2"}]}}
        )
        given = {"PAGE_SECRET": SECRETS["page_secret"]}
        with (
            painter,
            running_server(
                f"sqlite:///{folder}/parley.db", folder, IMAGEROUTER_BASE_URL=f"{painter.url}/v1/openai", **given
            ) as api,
        ):
            chat = furnished(api)
            page = PageServer(api, folder)
            try:
                page.start()
                shoot(browser, page.url, chat)
            finally:
                page.stop()
        browser.close()


PAINTINGS = {  # what is wanted: sky above and below, hills far and near, the sun's place and colour
    "Hills after rain, early light": ("#f6d7a7", "#e9a178", "#8fa9a3", "#3d5f5a", 0.7, "#fff3d0"),
    "A fjord at night, in ink": ("#0d1b2a", "#1b3a4b", "#28566b", "#0a141f", 0.25, "#f2efe4"),
    "Dunes under a pale sky, watercolour": ("#dcebf2", "#f3e6d3", "#e4c08d", "#b9854f", 0.5, "#ffffff"),
}


def painted(body: Any) -> Any:
    """A landscape, so that the pictures of the gallery show one."""
    above, below, far, near, place, sun = PAINTINGS[body["prompt"]]
    edge = 768
    sky = Image.linear_gradient("L").resize((edge, edge))
    scene = Image.composite(Image.new("RGB", (edge, edge), below), Image.new("RGB", (edge, edge), above), sky)
    draw = ImageDraw.Draw(scene)
    draw.ellipse([edge * place - 60, 150, edge * place + 60, 270], fill=sun)
    for depth in range(5):
        share = depth / 4
        tone = Image.blend(Image.new("RGB", (1, 1), far), Image.new("RGB", (1, 1), near), share).getpixel((0, 0))
        line = [
            (x, 380 + 80 * depth + 46 * math.sin(x / (150 - 18 * depth) + 2.1 * depth) + 18 * math.sin(x / 41 + depth))
            for x in range(0, edge + 8, 8)
        ]
        draw.polygon([*line, (edge, edge), (0, edge)], fill=tone)
    out = io.BytesIO()
    scene.filter(ImageFilter.GaussianBlur(0.8)).save(out, "PNG")
    return {"data": [{"b64_json": base64.b64encode(out.getvalue()).decode()}], "cost": 0.011}


def furnished(api: Server) -> str:
    """A person with a few chats; the chat to show."""
    ada = api.person("ada")
    ada.call("PATCH", "/users/me", {"full_name": "Ada Lovelace"})
    for title in ("Invoice reminder", "SQLite or PostgreSQL", "Trip to Lofoten", "Release notes for 2.0"):
        ada.chat(title=title, pinned=title.startswith("Release"))
    ada.call("POST", "/model-configs", {"name": "Paints", "provider": "imagerouter", "api_key": "ir-0123456789abcdef"})
    for prompt in PAINTINGS:
        ada.call("POST", "/images/generations", {"prompt": prompt})
    asked = ada.chat(title="Which database for forty people?")
    for question in ("Is PostgreSQL worth it for forty people?", "And how is PostgreSQL backed up?"):
        ada.call("POST", f"/chats/{asked}/messages", {"content": question})
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
