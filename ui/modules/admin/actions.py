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
ONLY = "Account: "
HOURLY = {"generations": "Replies", "writes": "Requests that change", "reads": "Requests that only read"}


def turned() -> None:
    page = state.page()
    page.form_errors, page.notice, page.account_form = {}, None, ("", "")


def back() -> None:
    state.page().going = ""


def entries(account: Account) -> list[str]:
    return [
        "New password",
        "Limits",
        "Make a member" if account.role == "admin" else "Make an administrator",
        "Disable" if account.is_active else "Enable",
        "Delete",
    ]


def choose(account: Account, key: str) -> None:
    """An entry of an account's menu."""
    name = literal(account.username)
    match state.widget(key):
        case "New password":
            _open("password", account)
        case "Limits":
            _open("limits", account)
        case "Make an administrator":
            do(lambda: my_client().update_account(account.id, role="admin"))
        case "Make a member":
            do(lambda: my_client().update_account(account.id, role="member"))
        case "Enable":
            do(lambda: my_client().update_account(account.id, is_active=True))
        case "Disable":
            ask(
                f"Disable {name}?",
                "They are signed out at once, everywhere; their running replies end. Nothing of theirs is deleted.",
                "Disable",
                partial(tell, lambda: my_client().update_account(account.id, is_active=False)),
            )
        case "Delete":
            ask(
                f"Delete {name}?",
                "The account and all its chats, prompts and keys are deleted for good. **This cannot be undone.**",
                "Delete",
                partial(tell, lambda: my_client().delete_account(account.id)),
            )


def create_account() -> None:
    fields: dict[str, Any] = {name: text(f"account_{name}") for name in ("email", "username")}
    fields["password"] = str(state.widget("account_password") or "")
    fields["role"] = "admin" if state.widget("account_admin") else "member"
    if form(lambda: my_client().create_account(fields), {"email", "username", "password"}, "The account is made."):
        for name in ("account_email", "account_username", "account_password"):
            state.put_widget(name, "")


def _open(form: str, account: Account) -> None:
    turned()
    state.page().account_form = (form, account.id)


def set_password(user_id: str) -> None:
    password = str(state.widget(f"reset_{user_id}") or "")
    done = "The password is changed and every session ended; give it to them in person."
    if form(lambda: my_client().set_password(user_id, password), {"new_password"}, done):
        state.put_widget(f"reset_{user_id}", "")
        state.page().account_form = ("", "")


def set_limits(user_id: str) -> None:
    given = {name: state.widget(f"limit_{name}_{user_id}") for name in HOURLY}
    limits = {name: None if value is None else int(value) for name, value in given.items()}
    if form(lambda: my_client().update_account(user_id, limits=limits), set(HOURLY), "These limits hold now."):
        state.page().account_form = ("", "")


def save_instance() -> None:
    kept = {
        "retention_audit_days": state.widget("instance_audit"),
        "retention_chats_days": state.widget("instance_chats"),
        "retention_images_days": state.widget("instance_images"),
    }
    fields: dict[str, Any] = {
        "registration": "open" if state.widget("instance_open") else "closed",
        "default_model": text("instance_model"),
        "requests_per_hour": int(state.widget("instance_requests") or 1),
        "generations_per_hour": int(state.widget("instance_replies") or 1),
    }
    fields |= {name: int(days) if days else None for name, days in kept.items()}
    form(lambda: my_client().change_instance(fields), set(fields), "These settings hold now.")


def set_budget() -> None:
    amount = state.widget("budget_amount")
    if amount is None:
        state.page().form_errors = {"amount": "Enter how much."}
        return
    fields: dict[str, Any] = {"period": PERIODS[str(state.widget("budget_period"))]}
    whose = str(state.widget("budget_scope") or "")
    if whose in SCOPES:
        fields["scope"] = SCOPES[whose]
    elif account := account_named(whose):
        fields |= {"scope": "user", "user_id": account.id}
    else:
        return
    dollars = state.widget("budget_unit") == UNITS[0]
    fields |= {"dollars": f"{amount:.2f}"} if dollars else {"tokens": int(amount)}
    form(lambda: my_client().set_budget(fields), {"tokens", "dollars"}, "The budget holds now.")


def account_named(choice: str) -> Account | None:
    """The account that `Account: name` means; otherwise says in the form that there is none."""
    name = choice.removeprefix(ONLY).strip()
    found: list[Account] = []
    if name and not form(lambda: found.extend(my_client().accounts(name)[0]), set(), ""):
        return None
    account = next((one for one in found if name.lower() in (one.username.lower(), one.email.lower())), None)
    if account is None:
        state.page().form_errors = {"": f"No account is called {name}." if name else "Choose whom it is for."}
    return account


def delete_budget(budget_id: str) -> None:
    do(lambda: my_client().delete_budget(budget_id))


def do(work: Callable[[], object]) -> None:
    wrong = tell(work)
    state.page().notice = state.Notice(wrong) if wrong else None


def tell(work: Callable[[], object]) -> str:
    try:
        work()
    except ApiError as error:
        return explain(error).text
    return ""


def form(work: Callable[[], object], fields: set[str], done: str) -> bool:
    page = state.page()
    page.form_errors, page.notice = {}, None
    try:
        work()
    except ApiError as error:
        page.form_errors = {n: t for n, t in error.fields.items() if n in fields} or {"": explain(error).text}
        return False
    page.toast = done or page.toast
    return True


def text(key: str) -> str:
    return str(state.widget(key) or "").strip()
