"""Tables and bars as HTML: whatever stands in them is text, and what is not known is no zero."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as some

from tests import hypothesis_profiles  # noqa: F401
from ui.components.figures import bars_html, table_html


class Seen(HTMLParser):
    """The tags there are, and the words of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.titles: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.cells += [""] if tag in {"td", "th"} else []
        self.titles += [value or "" for name, value in attrs if name == "title"]

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_a_table_says_numbers_as_they_are_and_a_dash_for_what_is_not_known() -> None:
    rows = [
        {"What": "a", "Calls": 12345, "Cost": Decimal("0.00012"), "Pace": None},
        {"What": "", "Calls": 0, "Cost": None, "Pace": 3.14},
    ]
    seen = Seen(table_html(rows, "Usage"))
    assert seen.cells == ["What", "Calls", "Cost", "Pace", "a", "12,345", "0.0001", "–", "–", "0", "–", "3.1"]


@given(some.text(max_size=60))
def test_what_stands_in_a_table_or_a_bar_is_text(text: str) -> None:
    hostile = f'<script>{text}"><img src=x onerror=alert(1)>'
    seen = Seen(table_html([{hostile: hostile}], hostile))
    assert seen.tags == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    days = Seen(bars_html([(hostile, {hostile: 3})], hostile))
    assert days.tags == {"div", "span", "i"}
    assert len(days.titles) == 1


def test_a_month_without_a_call_has_its_bars() -> None:
    html = bars_html([("2026-01-01", {"Tokens read": 0}), ("2026-01-02", {"Tokens read": 0})], "Tokens")
    assert Seen(html).titles == ["2026-01-01: 0 tokens read", "2026-01-02: 0 tokens read"]
    assert html.count("height:0.00%") == 2
