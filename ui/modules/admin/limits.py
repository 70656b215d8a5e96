"""Draws the limits by rule, and what models cost here."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Price, Rule
from ui.components.focus import focus
from ui.components.problem import draw_problem
from ui.modules.admin import actions, terms
from ui.render import literal

EACH = {kind: words for words, kind in terms.EACH.items()}
SURFACES = ("native", "openai")


def draw_limits(api: ApiClient) -> None:
    st.markdown(
        "At most so many calls, or tokens, of one account in any hour, beside the hourly limits under Settings. "
        "A limit for one stands above the limit for each."
    )
    rules = api.rules()
    for number, rule in enumerate(rules):
        with st.container(key=f"line-rule-{number}", horizontal=True, vertical_alignment="center"):
            unit = "call" if rule.measure == "requests" else "token"
            many = "" if rule.per_hour == 1 else "s"
            st.markdown(f"**{rule.per_hour:,} {unit}{many}** an hour  \n:gray[{literal(_whom(api, rule))}]")
            st.button("Remove", key=f"drop-rule-{number}", type="tertiary", on_click=terms.drop_rule, args=(rule,))
    if not rules:
        st.caption("No such limit is set.")
    st.header("Set a limit", anchor=False)
    with st.form("rule", border=False):
        columns = st.columns([2, 1, 1])
        accounts, _ = api.accounts()
        choices = [
            *terms.EACH,
            *(f"Model: {model.id}" for model in api.models().all_models),
            *(f"{actions.ONLY}{account.username}" for account in accounts),
        ]
        columns[0].selectbox("For", choices, key="rule_for", accept_new_options=True)
        columns[1].selectbox("Counted in", list(terms.MEASURES), key="rule_measure")
        columns[2].number_input("At most, an hour", 0, 1_000_000_000, None, key="rule_most")
        draw_problem("rule-form", next(iter(state.page().form_errors.values()), None))
        st.form_submit_button("Set the limit", type="primary", on_click=terms.add_rule)
    focus("rule_for", "limits")
    st.caption("Not in the list? Write it: “Account: name”, “Model: provider/name” or “Surface: name”.")


def _whom(api: ApiClient, rule: Rule) -> str:
    if rule.name is None:
        return EACH.get(rule.kind, rule.kind)
    if rule.kind != "user":
        return f"{'API key' if rule.kind == 'key' else rule.kind.capitalize()}: {rule.name}"
    try:
        return f"{actions.ONLY}{api.account(rule.name).username}"
    except ApiError as error:
        if error.status != 404:
            raise
        return "An account that is deleted"


def draw_prices(api: ApiClient) -> None:
    st.markdown(
        "What a model costs here, in dollars a million tokens. It stands above the provider's own word and the "
        "built-in tables, for calls that end from now on."
    )
    prices = api.prices()
    for number, price in enumerate(prices):
        _price(number, price)
    if not prices:
        st.caption("None is set: the built-in prices hold, and a model without one has an unknown cost, not none.")
    st.header("Set a price", anchor=False)
    errors = state.page().form_errors
    with st.form("price", border=False):
        columns = st.columns([2, 1, 1, 1])
        for column, name, title, hint in (
            (columns[0], "model", "Model", "custom/llama-3 or custom/*"),
            (columns[1], "input", "Read, $", "0.50"),
            (columns[2], "output", "Written, $", "1.50"),
            (columns[3], "cached", "Read from cache, $", "as read"),
        ):
            with column:
                st.text_input(title, key=f"price_{name}", placeholder=hint, autocomplete="off")
                wrong = errors.get(name) or (errors.get("provider") if name == "model" else None)
                draw_problem(f"price-{name}", wrong)
        draw_problem("price-form", errors.get(""))
        st.form_submit_button("Set the price", type="primary", on_click=terms.set_price)
    focus("price_model", "prices")


def _price(number: int, price: Price) -> None:
    with st.container(key=f"line-price-{number}", horizontal=True, vertical_alignment="center"):
        name = (
            f"Every model of {price.provider} without one" if price.model == "*" else f"{price.provider}/{price.model}"
        )
        rates = [f"${price.input} read"]
        rates += [f"${price.output} written"] if price.output is not None else []
        rates += [f"${price.cached} from cache"] if price.cached is not None else []
        st.markdown(f"**{literal(name)}**  \n:gray[{literal(' · '.join(rates))}]")
        which = (price.provider, price.model)
        st.button("Remove", key=f"drop-price-{number}", type="tertiary", on_click=terms.drop_price, args=which)
