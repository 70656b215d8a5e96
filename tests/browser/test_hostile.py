"""Hostile text as message, title, prompt, image, name, profile and hit: only text, nothing runs or is fetched."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Request, expect

from tests.browser.person import Person, account
from tests.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ELSEWHERE = "http://elsewhere.invalid"
SEEDS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    f"<img src={ELSEWHERE}/a.png>",
    f"![a]({ELSEWHERE}/b.png)",
    f"[![a]({ELSEWHERE}/c.png)]({ELSEWHERE})",
    f"![a][r]\n\n[r]: {ELSEWHERE}/d.png",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<svg onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    f"<link rel=stylesheet href={ELSEWHERE}/e.css>",
    f"<style>@import '{ELSEWHERE}/f.css'; body {{ display: none }}</style>",
    "<form action=/auth/logout><input autofocus onfocus=alert(1)></form>",
    "$\\href{javascript:alert(1)}{x}$",
    f"$\\includegraphics{{{ELSEWHERE}/g.png}}$",
    f"```mermaid\ngraph TD\nA[<img src={ELSEWHERE}/h.png>] --> B\nclick A href 'javascript:alert(1)'\n```",
    ":red[**not mine**] :material/delete: :streamlit:",
    "# a heading as a title\n\n---\n\n> and more",
    "</textarea></div></body><script>alert(1)</script>",
    "\u202etxt.exe \u200b\u200d\ufeff \u0301\u0301\u0301\u0301\u0301",
    "=HYPERLINK('http://elsewhere.invalid')",
    "'; DROP TABLE users; --",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "A" * 300,
    "字" * 200,
)
WRAPPED = ("{}", "**{}**", "- {}", "`{}` {}")
PAYLOADS = [wrap.replace("{}", seed) for wrap in WRAPPED for seed in SEEDS]
STRANGERS = """() => document.querySelectorAll(
  ".stMain script, .stMain iframe, .stMain form[action], [onerror], [onload]").length"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_a_hundred_hostile_texts_are_only_text(ada: Person, api: Server) -> None:
    assert len(PAYLOADS) == 100
    dialogs: list[Dialog] = []
    away: list[str] = []
    ada.page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))

    def noted(request: Request) -> None:
        if not request.url.startswith((ada.url, "data:", "blob:", "about:")):
            away.append(request.url)

    ada.page.on("request", noted)
    owner = account(ada, api)

    def post(path: str, body: object, method: str = "POST") -> dict[str, object]:
        answer = owner.call(method, path, body)
        assert answer.status in {200, 201}, answer.body
        return dict(answer.json)

    chats = []
    for number in range(
        0, len(PAYLOADS), 25
    ):  # the demo repeats what it is told: a reply is as hostile as its question
        chat = str(post("/chats", {})["id"])
        post(f"/chats/{chat}/messages", {"content": "\n\n".join(PAYLOADS[number : number + 25])})
        chats.append(chat)
    paints = post("/model-configs", {"name": "Paints", "provider": "imagerouter", "api_key": "ir-0123456789"})["id"]
    for payload in SEEDS:
        line = " ".join(payload.split())
        post("/chats", {"title": line[:200], "folder": line[:100]})
        post("/prompts", {"name": line[:100], "content": payload, "description": line, "tags": [line[:50]]})
        post("/model-configs", {"name": line[:100], "provider": "demo", "model": line[:200]})
        post("/images/generations", {"prompt": payload, "model_config_id": paints})
    line = " ".join(SEEDS[:4])
    post("/users/me", {"full_name": line, "bio": line, "profession": line}, "PATCH")

    for chat in chats:
        ada.open(f"/?chat={chat}")
        expect(ada.reply()).to_contain_text("You said:")
        ada.settles()
        unharmed(ada)
    for place in ("Images", "Prompts", "Models", "Usage", "Settings"):
        ada.goes_to(place)
        ada.settles()
        unharmed(ada)
    for words in ("alert", "elsewhere", "javascript"):  # what a search finds of them
        ada.page.keyboard.press("Control+k")
        box = ada.page.get_by_role("combobox", name="Find or do")
        box.fill(words)
        expect(ada.page.locator(".parley-palette mark").first).to_have_text(words)
        unharmed(ada)
        box.press("Escape")
    assert dialogs == []
    assert away == []


def unharmed(person: Person) -> None:
    assert person.page.evaluate(STRANGERS) == 0
    assert person.page.evaluate(OVERFLOW) <= 0
    expect(person.page.locator(".st-key-account").first).to_be_visible()
