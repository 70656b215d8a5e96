"""Draws what was used: the sums, the days, a table by what one likes, and what is left of the limits."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from ui.api_client import ApiClient, BudgetLeft, Limit
from ui.components.frame import head
from ui.modules.usage.parts import draw_bar, draw_days, draw_sums, table
from ui.render import literal
from ui.wording import cost_words, day, token_words, when

GROUPS = {"Model": "model", "Provider": "provider", "Chat": "chat", "API key": "key", "Day": "day"}


def draw(api: ApiClient) -> None:
    head("Usage", "What your chats and programs used, and what it cost.")
    since = draw_bar("usage_period", api.usage_csv)
    days = api.usage(since, "day")
    draw_sums(days.total)
    if days.total.calls:
        draw_days(days.items, days.time_zone, since)
        _table(api, since)
    else:
        st.markdown("Nothing in this time. Your first message will show here.")
    limits, budgets = api.left()
    _limits(limits)
    _budgets(budgets)


def _table(api: ApiClient, since: str) -> None:
    chosen = st.segmented_control("Table by", list(GROUPS), default="Model", required=True, key="usage_group")
    group = GROUPS[chosen or "Model"]
    table(api.usage(since, group).items, group)


def _limits(limits: list[Limit]) -> None:
    if not limits:
        return
    st.header("What is left", anchor=False)
    for one in limits:
        with st.container(key=f"limit-{one.name}", gap=None):
            share = one.remaining / one.limit if one.limit else 0.0
            words = f"**{literal(one.name.replace('_', ' ').capitalize())}**: {one.remaining:,} of {one.limit:,} left"
            full = "" if one.remaining >= one.limit else f", full again {when(one.reset_seconds, 'later')}"
            st.progress(max(0.0, min(1.0, share)), words + full)


def _budgets(budgets: list[BudgetLeft]) -> None:
    for number, one in enumerate(budgets):
        with st.container(key=f"budget-left-{number}", gap=None):
            left, whole = (_amount(one.unit, amount) for amount in (one.remaining, one.limit))
            words = f"**Budget of the {literal(one.period)}**: {literal(left)} of {literal(whole)} left"
            st.progress(max(0.0, min(1.0, 1 - one.percent / 100)), f"{words}, full again on {day(one.resets_at)}")


def _amount(unit: str, amount: str) -> str:
    if unit == "tokens":
        return token_words(int(amount))
    return "$0" if Decimal(amount) == 0 else cost_words(amount)
