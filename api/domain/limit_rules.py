"""Limits that administrators set beside the hourly ones: of calls or tokens, by account, API key, model or surface."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from api.domain.errors import Invalid
from api.domain.ids import parse_id

Kind = Literal["user", "key", "model", "surface"]
Measure = Literal["requests", "tokens"]
SURFACES: Final = (
    "native",
    "openai",
    "chat2anyllm",
    "fastapi_demo",
    "llm_backend",
    "llm_service",
    "slack",
    "test",  # of a model config
    "title",
)


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


def check(rules: Sequence[Rule], providers: Collection[str]) -> None:
    """Raises Invalid where a rule could never hold, or says of one thing what another says: it would limit nobody."""
    said: dict[tuple[Kind, str | None, Measure], int] = {}
    for number, rule in enumerate(rules):
        first = said.setdefault((rule.kind, rule.name, rule.measure), number)
        if first != number:
            _refuse(number, f"limits the same as items/{first}; keep one of them")
        if rule.name is not None and (wrong := _wrong_name(rule.kind, rule.name, providers)):
            _refuse(number, wrong, "/name")


def _wrong_name(kind: Kind, name: str, providers: Collection[str]) -> str | None:
    if kind in ("user", "key"):
        return None if str(parse_id(name)) == name else f"must be the id of the {'account' if kind == 'user' else kind}"
    if kind == "surface":
        return None if name in SURFACES else f"must be one of {', '.join(SURFACES)}"
    provider, _, model = name.partition("/")
    if not model:
        return "must be provider/model, such as openai/gpt-4o"
    return None if provider in providers else f"knows no provider {provider}; there are {', '.join(sorted(providers))}"


def _refuse(number: int, detail: str, field: str = "") -> None:
    at = f"items/{number}{field}"
    raise Invalid.at(at, f"/{at}: {detail}", told=detail, code="rule")
