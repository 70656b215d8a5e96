"""A price that an administrator set for a model, above what the provider and the tables say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from api.domain.model_facts import Rate, Rates

ALL_MODELS: Final = "*"
RATES: Final = ("input", "output", "cached", "cache_write", "reasoning")


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """US dollars a million tokens. Without a rate of their own, cached tokens cost what input costs, and reasoning
    what output costs; without `output` the model puts nothing out."""

    provider: str
    model: str
    input: Decimal
    output: Decimal | None
    cached: Decimal | None
    cache_write: Decimal | None
    reasoning: Decimal | None
    updated_at: dt.datetime

    def rates(self) -> Rates:
        """As calls are priced; the source says whose word it is, and since when."""
        return Rates(
            Rate(self.input),
            _rate(self.output),
            f"admin@{self.updated_at:%Y-%m-%d}",
            _rate(self.cached),
            _rate(self.cache_write),
            _rate(self.reasoning),
        )


def _rate(amount: Decimal | None) -> Rate | None:
    return None if amount is None else Rate(amount)
