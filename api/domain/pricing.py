"""What a call costs, as its vendor bills it. Exact decimals; what cannot be told is None, never zero."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from api.domain.events import Usage
from api.domain.model_facts import Rates, rates_of
from api.domain.money import rounded

_MILLION: Final = Decimal(1_000_000)
_MOST: Final = Decimal(10_000)  # dollars; no call costs near that, and sums of such amounts stay storable


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, and whose price list they come from."""

    amount: Decimal
    source: str


def price(
    provider: str, model: str, usage: Usage, at: dt.datetime | None = None, *, told: Rates | None = None
) -> Cost | None:
    """The cost of one call at the prices of the moment `at` (None: now); `told`, the provider's own word, comes first.

    None where the model's price or one of the counts it needs is unknown. The first call in a process loads the price
    list (0.15 s): not for the event loop.
    """
    rates = told or rates_of(provider, model, at)
    return cost_of(rates, usage) if rates else None


def cost_of(rates: Rates, usage: Usage) -> Cost | None:
    """The cost of `usage` at `rates`; None where a count is missing, where the counts contradict each other, and
    where they come to more than a call can cost.

    Prompt tokens include cached and cache-written ones, completion tokens the reasoning ones: each is billed once.
    """
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if rates.output is None:
        completion = completion or 0
    if prompt is None or completion is None:
        return None
    cached, written, thoughts = usage.cached_tokens or 0, usage.cache_write_tokens or 0, usage.reasoning_tokens or 0
    fresh, said = prompt - cached - written, completion - thoughts
    if min(cached, written, thoughts, fresh, said) < 0 or (rates.output is None and completion):
        return None
    output = rates.thinking if rates.thinking and thoughts else rates.output
    counts = (
        (fresh, rates.input),
        (cached, rates.cached or rates.input),
        (written, rates.cache_write or rates.input),
        (thoughts, rates.reasoning or output),
        (said, output),
    )
    total = sum((rate.at(prompt) * count for count, rate in counts if rate and count), Decimal(0)) / _MILLION
    return Cost(rounded(total), rates.source) if total <= _MOST else None
