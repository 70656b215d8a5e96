"""Limits that administrators set beside the hourly ones: of calls or tokens, by account, API key, model or surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Kind = Literal["user", "key", "model", "surface"]
Measure = Literal["requests", "tokens"]


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `per_hour` calls, or tokens, of one account in any hour. `name` says of which account, key, model
    (`provider/model`) or surface; None: of each, counted by itself. One with a name stands above the one without."""

    kind: Kind
    name: str | None
    measure: Measure
    per_hour: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from and goes to."""

    user_id: UUID
    api_key_id: UUID | None
    surface: str
    provider: str
    model: str

    def named(self, kind: Kind) -> str | None:
        """What rules of that kind know it by."""
        if kind == "user":
            return str(self.user_id)
        if kind == "key":
            return str(self.api_key_id) if self.api_key_id else None
        return self.surface if kind == "surface" else f"{self.provider}/{self.model}"


def holding(rules: Sequence[Rule], origin: Origin) -> list[Rule]:
    """The rules that hold for a call: of each kind and measure the one of its name, else the one for all."""
    found: dict[tuple[Kind, Measure], Rule] = {}
    for rule in rules:
        name = origin.named(rule.kind)
        if name is None or rule.name not in (None, name):
            continue
        if rule.name is not None or (rule.kind, rule.measure) not in found:
            found[rule.kind, rule.measure] = rule
    return list(found.values())
