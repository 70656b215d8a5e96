"""Draws the administrator's page: one tab a subject; only the open one asks the API."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import state
from ui.api_client import Account, ApiClient
from ui.components.focus import focus
from ui.components.frame import head
from ui.components.number import Span, optional_number
from ui.components.problem import draw_hint, draw_problem
from ui.modules.admin import actions
from ui.modules.admin.instance import MOST, draw_budgets, draw_instance
from ui.modules.admin.limits import draw_limits, draw_prices
from ui.modules.admin.watch import draw_audit, draw_providers, draw_usage
from ui.render import label, literal, spoken
from ui.sign_in.current import this_user
from ui.wording import PASSWORD_RULE, USERNAME_RULE

TABS = {
    "Usage": draw_usage,
    "Budgets": draw_budgets,
    "Limits": draw_limits,
    "Prices": draw_prices,
    "Providers": draw_providers,
    "Settings": draw_instance,
    "Audit log": draw_audit,
}


def draw(api: ApiClient) -> None:
    if this_user().role != "admin":
        _refused()
        return
    head("Admin", "Accounts, budgets and settings of this server. Nobody's chats can be read here.")
    page = state.page()
    draw_problem("notice", page.notice.text if page.notice else None)
    accounts, *others = st.tabs(["Accounts", *TABS], key="admin_tab", on_change=actions.turned)
    with accounts:
        if accounts.open:
            _accounts(api)
    for tab, draw_tab in zip(others, TABS.values(), strict=True):
        with tab:
            if tab.open:
                draw_tab(api)


def _accounts(api: ApiClient) -> None:
    words = st.text_input("Find an account", key="accounts_find", type="search", live=True, icon=":material/search:")
    if not (state.page().modal or state.page().account_form[0]):
        focus("accounts_find", "accounts")
    found, more = api.accounts(words or "")
    if not found:
        st.markdown("No account is like that.")
    for account in found:
        _account(account)
    if more:
        st.caption("These are the newest fifty. Search for the others.")
    _new()


def _account(account: Account) -> None:
    with st.container(key=f"line-account-{account.id}", horizontal=True, vertical_alignment="center", wrap=False):
        marks = " :blue-badge[administrator]" if account.role == "admin" else ""
        marks += "" if account.is_active else " :red-badge[disabled]"
        name = account.full_name or account.username
        with st.container(key=f"who-{account.id}", gap=None):
            st.markdown(f"**{label(name)}**{marks}")
            st.text(f"{account.username} · {account.email}")  # markdown would make a link of the address
        if account.id == this_user().id:
            st.caption("you", width="content")
            return
        menu = f"account-menu-{account.id}"
        st.menu_button(
            f"Options for {spoken(account.username)}",
            actions.entries(account),
            key=menu,
            icon=":material/more_horiz:",
            type="tertiary",
            on_click=actions.choose,
            args=(account, menu),
        )
    form, whose = state.page().account_form
    if whose == account.id:
        _reset(account) if form == "password" else _limits(account)


def _reset(account: Account) -> None:
    with st.form(f"reset-{account.id}"):
        st.markdown(f"**New password for {literal(account.username)}**")
        st.text_input(
            "New password",
            key=f"reset_{account.id}",
            type="password",
            autocomplete="new-password",
        )
        errors = state.page().form_errors
        draw_hint(f"reset-{account.id}", PASSWORD_RULE, errors.get("new_password") or errors.get(""))
        st.caption("Every session of theirs ends. Tell them the password in person; they can change it in Settings.")
        _steps("Set the password", actions.set_password, account)
    focus(f"reset_{account.id}", f"{account.id} {sorted(errors)}")


def _limits(account: Account) -> None:
    with st.form(f"limits-{account.id}"):
        st.markdown(f"**Limits of {literal(account.username)}**, each an hour. An empty one is as everybody's.")
        errors = state.page().form_errors
        for column, (name, title) in zip(st.columns(3), actions.HOURLY.items(), strict=True):
            with column:
                key = f"limit_{name}_{account.id}"
                optional_number(title, Span(0, MOST), account.limits.get(name), key, "as everybody")
                draw_problem(key, errors.get(name))
        draw_problem(f"limits-{account.id}", errors.get(""))
        _steps("Set the limits", actions.set_limits, account)
    focus(f"limit_generations_{account.id}", account.id)


def _steps(yes: str, act: Callable[[str], None], account: Account) -> None:
    with st.container(key=f"account-steps-{account.id}", horizontal=True):
        st.form_submit_button(yes, type="primary", on_click=act, args=(account.id,))
        st.form_submit_button("Cancel", on_click=actions.turned)


def _refused() -> None:
    """A member followed somebody's link: words and a way on, in place of a page that is not there."""
    head("Admin", "This page is for the administrators of this server.")
    st.markdown("Your account is a member's. If you need something changed here, ask whoever runs the server.")
    st.button("Back to your chats", key="back-to-chats", type="primary", on_click=actions.back)


def _new() -> None:
    st.header("New account", anchor=False)
    errors = state.page().form_errors
    with st.form("new-account", border=False):
        left, middle, right = st.columns(3)
        for column, title, name, rule in (
            (left, "Email", "email", ""),
            (middle, "Username", "username", USERNAME_RULE),
            (right, "Password", "password", PASSWORD_RULE),
        ):
            with column:
                secret = name == "password"
                st.text_input(
                    title,
                    key=f"account_{name}",
                    type="password" if secret else "default",
                    autocomplete="new-password" if secret else "off",
                )
                draw_hint(f"account-{name}", rule, errors.get(name))
        st.checkbox("Administrator", key="account_admin")
        draw_problem("account-form", errors.get(""))
        st.form_submit_button("Make the account", type="primary", on_click=actions.create_account)
