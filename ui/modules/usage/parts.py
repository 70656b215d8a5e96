"""Parts of a usage report that a person's page and the administrators' share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from ui.api_client import Sums
from ui.components.figures import draw_bars, draw_table
from ui.render import literal
from ui.sign_in.current import this_user
from ui.wording import cost_words

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90}
NAMES = {
    "model": "model",
    "provider": "provider",
    "chat": "title",
    "key": "key_name",
    "day": "day",
    "user": "username",
    "surface": "surface",
}
NAMELESS = {"chat": "without a chat", "key": "the page"}
MOST_ROWS = 200


def draw_sums(total: Sums) -> None:
    cost = "unknown" if total.cost is None else "$0" if Decimal(total.cost) == 0 else cost_words(total.cost)
    with st.container(key="usage-sums", horizontal=True):
        st.metric("Cost", cost, border=True)
        st.metric("Calls", f"{total.calls:,}", border=True)
        st.metric("Tokens read", f"{total.prompt_tokens:,}", border=True)
        st.metric("Tokens written", f"{total.completion_tokens:,}", border=True)
    if total.unpriced:
        calls = f"{total.unpriced:,} call{'s' if total.unpriced > 1 else ''}"
        st.caption(f"{calls} used models of unknown price; they are not in the cost.")


def draw_bar(key: str, csv: Callable[[str], bytes]) -> str:
    """The choice of a period, and what was used in it as a file; the first day chosen."""
    with st.container(key="usage-bar", horizontal=True, vertical_alignment="bottom"):
        period = st.segmented_control("Period", list(PERIODS), default="30 days", required=True, key=key)
        since = (today() - dt.timedelta(days=PERIODS[period or "30 days"] - 1)).isoformat()
        st.download_button(
            "Download CSV",
            data=partial(csv, since),
            file_name="usage.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    return since


def draw_days(items: list[Sums], zone: str, since: str) -> None:
    """Every day of the period has its place, also one without a call."""
    st.header("By day", anchor=False)
    used = {str(one.what.get("day")): one for one in items}
    first = dt.date.fromisoformat(since)
    days = []
    for number in range((today() - first).days + 1):
        day = first + dt.timedelta(days=number)
        one = used.get(day.isoformat(), Sums())
        days.append((day.isoformat(), {"Tokens read": one.prompt_tokens, "Tokens written": one.completion_tokens}))
    draw_bars(days, "Tokens by day")
    st.caption(f"Days begin at midnight in {literal(zone)}. The table tells the same in figures.")


def table(items: list[Sums], group: str) -> None:
    """The dearest first."""
    dearest = sorted(items, key=lambda one: (Decimal(one.cost or 0), one.calls), reverse=True)
    if dearest:
        draw_table([_row(one, group) for one in dearest[:MOST_ROWS]], f"Usage by {group}")


def _row(one: Sums, group: str) -> dict[str, Any]:
    return {
        "What": str(one.what.get(NAMES[group]) or NAMELESS.get(group, "unknown")),
        "Calls": one.calls,
        "Failed": one.errors,
        "Tokens read": one.prompt_tokens,
        "Tokens written": one.completion_tokens,
        "Cost, $": Decimal(one.cost) if one.cost is not None else None,
        "Tokens a second": one.tokens_per_second,
    }


def today() -> dt.date:
    """By the account's own clock, as the API counts."""
    name = str(this_user().preferences.get("time_zone") or "UTC")
    try:
        return dt.datetime.now(ZoneInfo(name)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return dt.datetime.now(dt.UTC).date()
