"""What an administrator does. The API keeps the audit log, and refuses what would leave nobody in charge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ui import state
from ui.api_client import Account, ApiError
from ui.components.question import ask
from ui.render import literal
from ui.sign_in.current import my_client
from ui.wording import explain

SCOPES = {"Everything here together": "instance", "Each account": "everyone"}
PERIODS = {"A day": "day", "A month": "month"}
UNITS = ("Dollars", "Tokens")


def turned() -> None:
    page = state.page()
    page.form_errors, page.notice = {}, None


def entries(account: Account) -> list[str]:
    return [
        "Make a member" if account.role == "admin" else "Make an administrator",
        "Disable" if account.is_active else "Enable",
        "Delete",
    ]


def choose(account: Account, key: str) -> None:
    """An entry of an account's menu."""
    name = literal(account.username)
    match state.widget(key):
        case "Make an administrator":
            _do(lambda: my_client().update_account(account.id, role="admin"))
        case "Make a member":
            _do(lambda: my_client().update_account(account.id, role="member"))
        case "Enable":
            _do(lambda: my_client().update_account(account.id, is_active=True))
        case "Disable":
            ask(
                f"Disable {name}?",
                "They are signed out at once, everywhere; their running replies end. Nothing of theirs is deleted.",
                "Disable",
                partial(_tell, lambda: my_client().update_account(account.id, is_active=False)),
            )
        case "Delete":
            ask(
                f"Delete {name}?",
                "The account and all its chats, prompts and keys are deleted for good. **This cannot be undone.**",
                "Delete",
                partial(_tell, lambda: my_client().delete_account(account.id)),
            )


def create_account() -> None:
    fields: dict[str, Any] = {name: _text(f"account_{name}") for name in ("email", "username")}
    fields["password"] = str(state.widget("account_password") or "")
    fields["role"] = "admin" if state.widget("account_admin") else "member"
    if _form(lambda: my_client().create_account(fields), {"email", "username", "password"}, "The account is made."):
        for name in ("account_email", "account_username", "account_password"):
            state.put_widget(name, "")


def set_password(user_id: str) -> None:
    password = str(state.widget(f"reset_{user_id}") or "")
    done = "The password is changed; give it to them in person."
    if _form(lambda: my_client().set_password(user_id, password), {"new_password"}, done):
        state.put_widget(f"reset_{user_id}", "")


def save_instance() -> None:
    days = state.widget("instance_audit")
    fields: dict[str, Any] = {
        "registration": "open" if state.widget("instance_open") else "closed",
        "default_model": _text("instance_model"),
        "requests_per_hour": int(state.widget("instance_requests") or 1),
        "generations_per_hour": int(state.widget("instance_replies") or 1),
    }
    fields |= {"retention_audit_days": int(days)} if days else {"reset": ["retention_audit_days"]}
    _form(lambda: my_client().change_instance(fields), set(fields), "These settings hold now.")


def set_budget() -> None:
    amount = state.widget("budget_amount")
    if amount is None:
        state.page().form_errors = {"amount": "Enter how much."}
        return
    fields: dict[str, Any] = {
        "scope": SCOPES[str(state.widget("budget_scope"))],
        "period": PERIODS[str(state.widget("budget_period"))],
    }
    dollars = state.widget("budget_unit") == UNITS[0]
    fields |= {"dollars": f"{amount:.2f}"} if dollars else {"tokens": int(amount)}
    _form(lambda: my_client().set_budget(fields), {"tokens", "dollars"}, "The budget holds now.")


def delete_budget(budget_id: str) -> None:
    _do(lambda: my_client().delete_budget(budget_id))


def _do(work: Callable[[], object]) -> None:
    wrong = _tell(work)
    state.page().notice = state.Notice(wrong) if wrong else None


def _tell(work: Callable[[], object]) -> str:
    try:
        work()
    except ApiError as error:
        return explain(error).text
    return ""


def _form(work: Callable[[], object], fields: set[str], done: str) -> bool:
    page = state.page()
    page.form_errors, page.notice = {}, None
    try:
        work()
    except ApiError as error:
        page.form_errors = {n: t for n, t in error.fields.items() if n in fields} or {"": explain(error).text}
        return False
    page.toast = done
    return True


def _text(key: str) -> str:
    return str(state.widget(key) or "").strip()
