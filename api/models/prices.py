"""Prices that administrators set, in US dollars a million tokens."""

from __future__ import annotations

from sqlalchemy import String, Table

from api.models.base import METADATA, Money, column, optional, stamp

MODEL_PRICES = Table(
    "model_prices",
    METADATA,
    column("provider", String(40), primary_key=True),
    column("model", String(200), primary_key=True),
    column("input", Money),
    optional("output", Money),
    optional("cached", Money),
    optional("cache_write", Money),
    optional("reasoning", Money),
    stamp("updated_at"),
)
"""`model` is `*` for all models of the provider that have no row of their own."""
