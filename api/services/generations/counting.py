"""What a call used: the provider's word, and our estimate of what it did not say."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from api.domain.events import Usage
from api.domain.model_facts import Rates
from api.domain.money import in_dollars
from api.domain.pricing import Cost
from api.services.generations.plan import Plan

BYTES_A_TOKEN: Final = 3.5
TOKENS_A_TURN: Final = 8


class Price(Protocol):
    """`pricing.price`, or what an administrator set above it."""

    def __call__(
        self, provider: str, model: str, usage: Usage, at: dt.datetime | None = None, *, told: Rates | None = None
    ) -> Cost | None: ...


def counted(told: Usage, plan: Plan, said_bytes: int, *, ended: bool) -> Usage:
    """`told` with estimates, marked, for what is missing. A reply that was cut short (not `ended`) said more than the
    count that came at its beginning."""
    said = math.ceil(said_bytes / BYTES_A_TOKEN)
    prompt, completion = told.prompt_tokens, told.completion_tokens
    cut = not ended and (completion or 0) < said
    if prompt is not None and completion is not None and not cut:
        return told
    if prompt is None:
        prompt = tokens_of(plan.prompt_size, plan.turns)
    if completion is None or cut:
        completion = max(said, told.reasoning_tokens or 0)
    return msgspec.structs.replace(told, prompt_tokens=prompt, completion_tokens=completion, estimated=True)


def tokens_of(size: int, turns: int) -> int:
    """An estimate: what so many bytes of text in so many turns come to."""
    return math.ceil(size / BYTES_A_TOKEN) + TOKENS_A_TURN * turns


def usage_value(usage: Any, cost: Decimal | None) -> dict[str, Any]:
    """The value of the event `usage`, from a Usage or a Generation. An unknown cost is null, never zero."""
    names = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
    return {name: getattr(usage, name) for name in names} | {"cost": in_dollars(cost), "estimated": usage.estimated}


def merged(known: Usage, new: Usage) -> Usage:
    """The newer count wins where it says something."""
    told = {name: count for name, count in msgspec.structs.asdict(new).items() if count is not None}
    return msgspec.structs.replace(known, **told)
