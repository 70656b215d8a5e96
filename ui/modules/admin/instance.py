"""Draws what holds for the whole server: its settings and its budgets."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import state
from ui.api_client import ApiClient, Budget
from ui.components.focus import focus
from ui.components.number import Span, optional_number
from ui.components.problem import draw_problem
from ui.modules.admin import actions
from ui.render import literal
from ui.wording import cost_words, token_words

MOST = 1_000_000_000
BESIDE = {"default_model", *(f"retention_{name}_days" for name in ("chats", "audit", "images"))}  # told at the field


def draw_instance(api: ApiClient) -> None:
    now, errors = api.instance(), state.page().form_errors
    with st.form("instance", border=False):
        st.checkbox(
            "Anybody who reaches this server may make an account",
            now.get("registration") == "open",
            key="instance_open",
        )
        models = ["", *(model.id for model in api.models().models)]
        chosen = str(now.get("default_model") or "")
        if chosen not in models:
            models.append(chosen)
        st.selectbox(
            "Model where nobody chose one",
            models,
            index=models.index(chosen),
            key="instance_model",
            format_func=lambda name: name or "Whichever is configured",
        )
        draw_problem("instance_model", errors.get("default_model"))
        left, right = st.columns(2)
        with left:
            st.number_input(
                "Requests an hour, each account",
                1,
                MOST,
                int(now.get("requests_per_hour") or 1),
                key="instance_requests",
            )
        with right:
            st.number_input(
                "Replies an hour, each account",
                1,
                MOST,
                int(now.get("generations_per_hour") or 1),
                key="instance_replies",
            )
        with left:
            _days("Days an untouched chat is kept", "chats", now)
        with right:
            _days("Days the audit log is kept", "audit", now)
        with left:
            _days("Days an image is kept", "images", now)
        elsewhere = [text for name, text in errors.items() if name not in BESIDE]
        draw_problem("instance-form", next(iter(elsewhere), None))
        st.form_submit_button("Save settings", type="primary", on_click=actions.save_instance)
    focus("instance_open", "instance")
    st.caption("What is set here counts at once, above the server's environment. Pinned chats always stay.")


def _days(title: str, name: str, now: dict[str, Any]) -> None:
    value = now.get(f"retention_{name}_days")
    optional_number(title, Span(1, 36_500), value, f"instance_{name}", "for ever")
    draw_problem(f"instance-{name}", state.page().form_errors.get(f"retention_{name}_days"))


def draw_budgets(api: ApiClient) -> None:
    st.markdown(
        "What a budget does not cover is refused until its day or month is over. What a call may come to is put aside "
        "before it begins."
    )
    for budget in api.budgets():
        _line(api, budget)
    st.header("Set a budget", anchor=False)
    with st.form("budget", border=False):
        columns = st.columns(4)
        accounts, _ = api.accounts()
        choices = [*actions.SCOPES, *(f"{actions.ONLY}{account.username}" for account in accounts)]
        columns[0].selectbox("For", choices, key="budget_scope", accept_new_options=True)
        columns[1].selectbox("Each", list(actions.PERIODS), key="budget_period", index=1)
        columns[2].selectbox("In", list(actions.UNITS), key="budget_unit")
        columns[3].number_input("How much", 0.0, None, None, key="budget_amount")
        errors = state.page().form_errors
        draw_problem("budget-form", next(iter(errors.values()), None))
        st.form_submit_button("Set the budget", type="primary", on_click=actions.set_budget)
    focus("budget_scope", "budgets")


def _line(api: ApiClient, budget: Budget) -> None:
    whose = next((words for words, scope in actions.SCOPES.items() if scope == budget.scope), "")
    if budget.scope == "user":
        whose = f"{actions.ONLY}{literal(api.account(budget.user_id).username)}"
    amount = token_words(budget.tokens) if budget.tokens is not None else cost_words(budget.dollars or "0")
    with st.container(key=f"line-budget-{budget.id}", horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{amount}** a {budget.period}  \n:gray[{whose}]")
        st.button("Remove", key=f"drop-{budget.id}", type="tertiary", on_click=actions.delete_budget, args=(budget.id,))
