"""Usage: tokens, cost and limits, as the API adds them up. Amounts are exact text; None is unknown, not zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ui.api_client.calls import Caller, one_id
from ui.api_client.records import Json, read_time


@dataclass(frozen=True)
class Sums:
    """`what` is what the group is: a day, a model, a chat."""

    calls: int = 0
    errors: int = 0
    unpriced: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: str | None = None
    tokens_per_second: float | None = None
    what: Json = field(default_factory=dict)

    @classmethod
    def read(cls, body: Json) -> Sums:
        cost = body.get("cost")
        return cls(
            calls=int(body.get("calls") or 0),
            errors=int(body.get("errors") or 0),
            unpriced=int(body.get("unpriced") or 0),
            prompt_tokens=int(body.get("prompt_tokens") or 0),
            completion_tokens=int(body.get("completion_tokens") or 0),
            cost=str(cost) if cost is not None else None,
            tokens_per_second=body.get("tokens_per_second"),
            what=body,
        )


@dataclass(frozen=True)
class UsageReport:
    time_zone: str
    total: Sums
    items: list[Sums]

    @classmethod
    def read(cls, body: Json) -> UsageReport:
        items = [Sums.read(entry) for entry in body.get("items") or []]
        return cls(str(body.get("time_zone") or "UTC"), Sums.read(body.get("total") or {}), items)


@dataclass(frozen=True)
class ChatUsage:
    """What all replies of a chat took together."""

    calls: int = 0
    tokens: int = 0
    cost: str | None = None
    unpriced: int = 0
    seconds: float = 0.0

    @classmethod
    def read(cls, body: Json) -> ChatUsage:
        cost = body.get("cost")
        return cls(
            calls=int(body.get("calls") or 0),
            tokens=int(body.get("prompt_tokens") or 0) + int(body.get("completion_tokens") or 0),
            cost=str(cost) if cost is not None else None,
            unpriced=int(body.get("unpriced") or 0),
            seconds=float(body.get("seconds") or 0),
        )


@dataclass(frozen=True)
class Limit:
    name: str
    limit: int
    remaining: int
    reset_seconds: int
    window_seconds: int

    @classmethod
    def read(cls, body: Json) -> Limit:
        numbers = {name: int(body.get(name) or 0) for name in ("limit", "remaining", "reset_seconds", "window_seconds")}
        return cls(name=str(body.get("name") or ""), **numbers)


@dataclass(frozen=True)
class BudgetLeft:
    """A budget in its present period; amounts are exact text, of dollars or of tokens."""

    name: str
    unit: str
    period: str
    limit: str
    remaining: str
    percent: int
    resets_at: datetime

    @classmethod
    def read(cls, body: Json) -> BudgetLeft:
        words = {name: str(body.get(name) or "") for name in ("name", "unit", "period")}
        amounts = {name: str(body.get(name) or "0") for name in ("limit", "remaining")}
        return cls(
            **words, **amounts, percent=int(body.get("percent") or 0), resets_at=read_time(body.get("resets_at"))
        )


class UsageCalls(Caller):
    def usage(self, since: str, group_by: str) -> UsageReport:
        return UsageReport.read(self._call("GET", "/usage", params={"from": since, "group_by": group_by}))

    def chat_usage(self, chat_id: str) -> ChatUsage:
        return ChatUsage.read(self._call("GET", f"/chats/{one_id(chat_id)}/usage"))

    def left(self) -> tuple[list[Limit], list[BudgetLeft]]:
        """Of the hourly limits and of the budgets."""
        body = self._call("GET", "/usage/limits")
        budgets = [BudgetLeft.read(entry) for entry in body.get("budgets") or []]
        return [Limit.read(entry) for entry in body.get("limits") or []], budgets

    def usage_csv(self, since: str) -> bytes:
        return self._download("/usage/export", {"from": since, "format": "csv"})
