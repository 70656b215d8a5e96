"""What an administrator sets about models: limits by rule, prices, and which configs everybody may use."""

from __future__ import annotations

from functools import partial

from ui import state
from ui.api_client import Rule, SharedConfig
from ui.components.question import ask
from ui.modules.admin import actions
from ui.render import literal
from ui.sign_in.current import my_client

EACH = {"Each account": "user", "Each API key": "key", "Each model": "model", "Each surface": "surface"}
ONE = {actions.ONLY: "user", "Model: ": "model", "Surface: ": "surface"}
MEASURES = {"Calls": "requests", "Tokens": "tokens"}
RATES = ("input", "output", "cached")


def add_rule() -> None:
    """The new rule takes the place of the one for the same thing."""
    page, most = state.page(), state.widget("rule_most")
    page.form_errors = {}
    if most is None:
        page.form_errors = {"": "Enter how many an hour."}
        return
    whom = _whom(str(state.widget("rule_for") or ""))
    if whom is None:
        page.form_errors = page.form_errors or {"": "Choose what is limited, or write “Model: provider/name”."}
        return
    kind, name = whom
    new = Rule(kind, name, MEASURES[str(state.widget("rule_measure"))], int(most))
    actions.form(lambda: my_client().set_rules([*_others(new), new]), set(), "The limit holds now.")


def drop_rule(rule: Rule) -> None:
    actions.do(lambda: my_client().set_rules(_others(rule)))


def _others(rule: Rule) -> list[Rule]:
    same = (rule.kind, rule.name, rule.measure)
    return [one for one in my_client().rules() if (one.kind, one.name, one.measure) != same]


def _whom(choice: str) -> tuple[str, str | None] | None:
    """The kind and the name in the API's words."""
    if choice in EACH:
        return EACH[choice], None
    for mark, kind in ONE.items():
        if choice.startswith(mark):
            name = choice.removeprefix(mark).strip()
            if kind != "user":
                return (kind, name) if name else None
            account = actions.account_named(choice)
            return (kind, account.id) if account else None
    return None


def set_price() -> None:
    fields = {name: actions.text(f"price_{name}").removeprefix("$").strip() for name in ("model", *RATES)}
    provider, _, model = fields.pop("model").partition("/")
    page = state.page()
    page.form_errors = {}
    if not model:
        page.form_errors["model"] = "Write provider/model, such as custom/llama-3, or custom/* for all of a provider."
    if not fields["input"]:
        page.form_errors["input"] = "Enter dollars a million tokens; 0 is free."
    if page.form_errors:
        return
    given = {name: value for name, value in fields.items() if value}
    known = {"provider", "model", *RATES}
    work = partial(_set_price, {"provider": provider, "model": model} | given)
    if actions.form(work, known, f"{provider}/{model} has this price from now on."):
        page.catalogue = None
        for name in ("model", *RATES):
            state.put_widget(f"price_{name}", "")


def _set_price(fields: dict[str, str]) -> None:
    my_client().set_price(fields)


def drop_price(provider: str, model: str) -> None:
    actions.do(lambda: my_client().delete_price(provider, model))
    state.page().catalogue = None


def unshare(config: SharedConfig) -> None:
    ask(
        f"Stop sharing {literal(config.name)}?",
        "It stays its owner's. Everybody else's chats with it need another model to go on.",
        "Stop sharing",
        partial(actions.tell, lambda: my_client().unshare(config.id)),
    )
