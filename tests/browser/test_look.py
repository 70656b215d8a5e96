"""The page on a phone, its colours, and names for those who hear it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PageServer
from tests.browser.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WEIGHT = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)"
NAMELESS = """() => [...document.querySelectorAll("button, input, textarea, a[href]")]
  .filter((one) => one.offsetParent !== null)
  .filter((one) => {
    const label = one.getAttribute("aria-label") || (one.labels && one.labels.length && one.labels[0].innerText);
    const words = [...one.querySelectorAll("p, span, div")]
      .concat(one)
      .filter((part) => !part.closest("[aria-hidden=true]"))
      .flatMap((part) => [...part.childNodes].filter((node) => node.nodeType === 3))
      .map((node) => node.textContent.trim())
      .join("");
    return !(label || words || one.title);
  })
  .map((one) => one.outerHTML.slice(0, 200))"""


def test_a_phone_shows_everything_without_sideways_scrolling(
    chromium: Browser, page_server: PageServer, ada: Person
) -> None:
    ada.page.set_viewport_size({"width": 390, "height": 844})
    ada.page.reload()
    ada.sees_empty_chat()
    assert ada.page.evaluate(OVERFLOW) <= 0
    ada.says("demo:markdown " + "averyveryverylongwordwithoutanyblank" * 4)
    ada.sees_reply_end()
    assert ada.page.evaluate(OVERFLOW) <= 0
    for one in (ada.composer(), ada.button("Send message")):
        box = one.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_on_a_phone_the_sidebar_goes_away_when_a_chat_is_chosen(ada: Person) -> None:
    ada.says("the chat to find")
    ada.sees_reply_end()
    ada.button("New chat").click()
    ada.sees_empty_chat()
    ada.page.set_viewport_size({"width": 390, "height": 844})
    ada.page.reload()
    ada.sees_empty_chat()
    ada.page.get_by_test_id("stExpandSidebarButton").click()
    ada.row("the chat to find").click()
    expect(ada.bubble("the chat to find")).to_be_in_viewport()
    expect(ada.row("the chat to find")).not_to_be_in_viewport()


def test_dark_is_chosen_on_every_page_and_kept(ada: Person) -> None:
    app = ada.page.get_by_test_id("stApp")
    expect(app).to_have_css("background-color", "rgb(255, 255, 255)")
    ada.open_account()
    ada.button("Dark").click()
    expect(app).to_have_css("background-color", "rgb(21, 24, 26)")
    ada.open("/models")
    expect(ada.page.get_by_text("Add a model")).to_be_visible()
    expect(app).to_have_css("background-color", "rgb(21, 24, 26)")


def test_the_page_is_light_and_everything_that_can_be_pressed_has_a_name(ada: Person) -> None:
    ada.says("something to list")
    ada.sees_reply_end()
    assert ada.page.evaluate(NAMELESS) == []
    assert ada.page.evaluate(WEIGHT) < 1_500_000
    expect(ada.button("Options for something to list")).to_be_visible()


def test_a_diagram_is_drawn_and_one_that_cannot_be_stands_as_its_code(ada: Person) -> None:
    ada.page.set_viewport_size({"width": 390, "height": 844})
    labels = "a label that goes on and on " * 12, "unbroken" * 20
    drawn = f"```mermaid\ngraph TD\nA[{labels[0]}] --> B[{labels[1]}]\n```"
    ada.composer().fill(f"demo:fast {labels[1]}\n\n{drawn}\n\nand\n\n```mermaid\ngraph TD\nA --> --> [\n```")
    ada.composer().press("Enter")
    ada.sees_reply_end()
    charts = ada.reply().get_by_test_id("stMermaidChart")
    expect(charts.nth(0).get_by_role("img", name="Mermaid flowchart")).to_be_visible()
    expect(charts.nth(1).get_by_role("alert")).to_contain_text("Mermaid diagram error")
    code = ada.reply().get_by_test_id("stCode").filter(visible=True)
    expect(code).to_have_count(1)  # of the diagram that is drawn it would say nothing more
    expect(code).to_contain_text("A --> --> [")
    assert ada.page.evaluate(OVERFLOW) <= 0
    for one in (charts.nth(0), charts.nth(1), code):
        box = one.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
