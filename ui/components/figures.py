"""Figures as HTML: a table that is read aloud cell by cell, and bars by day.

Streamlit's own grid and charts load libraries on their first use that keep a hundred megabytes for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st


def draw_table(rows: Sequence[Mapping[str, Any]], name: str, *, tall: bool = False) -> None:
    st.html(table_html(rows, name, tall=tall))


def draw_bars(days: Sequence[tuple[str, Mapping[str, int]]], name: str) -> None:
    st.html(bars_html(days, name))


def table_html(rows: Sequence[Mapping[str, Any]], name: str, *, tall: bool = False) -> str:
    """All rows have the first one's columns. Numbers stand right, what is not known is a dash."""
    columns = list(rows[0])
    numbers = {column for column in columns if any(isinstance(row[column], int | float | Decimal) for row in rows)}
    head = "".join(_cell("th", column, column in numbers) for column in columns)
    body = "".join(
        f"<tr>{''.join(_cell('td', _words(row[column]), column in numbers) for column in columns)}</tr>" for row in rows
    )
    kind = "parley-table parley-tall" if tall else "parley-table"
    return (
        f'<div class="{kind}" role="region" tabindex="0" aria-label="{escape(name)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def bars_html(days: Sequence[tuple[str, Mapping[str, int]]], name: str) -> str:
    """One bar a day, its parts above each other; under the pointer it says its figures."""
    most = max((sum(parts.values()) for _, parts in days), default=0)
    bars = "".join(_bar(day, parts, most) for day, parts in days)
    keys = "".join(f"<span><i></i>{escape(part)}</span>" for part in (days[0][1] if days else {}))
    return (
        f'<div class="parley-bars" role="img" aria-label="{escape(f"{name}, at most {most:,} a day")}">'
        f'<div class="parley-most">{most:,}</div><div class="parley-days">{bars}</div>'
        f'<div class="parley-ends"><span>{escape(days[0][0])}</span><span>{escape(days[-1][0])}</span></div>'
        f'<div class="parley-keys">{keys}</div></div>'
    )


def _bar(day: str, parts: Mapping[str, int], most: int) -> str:
    told = escape(f"{day}: " + ", ".join(f"{count:,} {part.lower()}" for part, count in parts.items()))
    steps = "".join(f'<i style="height:{100 * count / most if most else 0:.2f}%"></i>' for count in parts.values())
    return f'<div title="{told}">{steps}</div>'


def _cell(tag: str, words: str, number: bool) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    return f'<{tag}{scope} dir="auto"{" class=parley-number" if number else ""}>{escape(words)}</{tag}>'


def _words(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, Decimal):
        return f"{value:,.4f}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
