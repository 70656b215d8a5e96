"""Draws every model that can be used now, as a table that can be searched and sorted."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st

from ui.api_client import Model, ModelCatalogue
from ui.components.figures import draw_table
from ui.state import widget

ABILITIES = ("chat", "reasoning", "tools", "vision", "images", "embeddings")


def draw_catalogue(listed: ModelCatalogue) -> None:
    with st.container(key="catalogue-filter", horizontal=True, vertical_alignment="bottom"):
        st.text_input("Find a model", key="catalogue_find", type="search", live=True, icon=":material/search:")
        st.selectbox("Order", list(ORDERS), key="catalogue_order")
        st.pills("It can", ABILITIES, key="catalogue_can", selection_mode="multi")
    found = matching(listed.all_models, str(widget("catalogue_find") or ""), list(widget("catalogue_can") or []))
    if not found:
        st.markdown("No model here is like that. Add a provider, or ask for less.")
        return
    found.sort(key=ORDERS[str(widget("catalogue_order") or NAME)])
    draw_table([_row(model) for model in found], "Models", tall=True)
    st.caption(
        f"{len(found)} of {len(listed.all_models)} models. Prices are dollars a million tokens. "
        "A dash is not known, which is not the same as free."
    )


def matching(models: list[Model], words: str, abilities: list[str]) -> list[Model]:
    """Those that have every word in their name or provider, and every ability."""
    wanted = words.lower().split()
    return [
        model
        for model in models
        if all(word in f"{model.name} {model.provider}".lower() for word in wanted)
        and set(abilities) <= set(model.abilities or ())
    ]


def _row(model: Model) -> dict[str, Any]:
    return {
        "Model": model.name,
        "Provider": model.provider,
        "Holds, tokens": model.context_window,
        "In, $/M": _dollars(model.input_price),
        "Out, $/M": _dollars(model.output_price),
        "Can": ", ".join(model.abilities) if model.abilities is not None else None,
    }


def _dollars(price: str | None) -> Decimal | None:
    """Only to be shown and sorted by; nothing is reckoned with it."""
    try:
        return Decimal(price) if price is not None else None
    except InvalidOperation:
        return None


def _cost(model: Model) -> tuple[bool, Decimal, str]:
    """What is not known comes last."""
    price = _dollars(model.output_price)
    return price is None, price or Decimal(0), model.name.casefold()


NAME = "By name"
ORDERS: dict[str, Callable[[Model], Any]] = {
    NAME: lambda model: model.name.casefold(),
    "Cheapest first": _cost,
    "Holding most first": lambda model: (-(model.context_window or 0), model.name.casefold()),
}
