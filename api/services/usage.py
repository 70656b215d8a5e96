"""What was used and what it cost: by day, model, provider, chat, key, surface and person; one's own or everyone's."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from api.domain.errors import Invalid, NotFound
from api.domain.money import in_dollars
from api.domain.principal import Principal
from api.domain.usage import NO_KEY, SUMS, percentile
from api.repositories.unit_of_work import Store, UnitOfWork
from api.repositories.usage import COLUMNS, Asked
from api.services.chats import NO_CHAT

Group = Literal["day", "model", "provider", "chat", "key", "surface", "user"]
DAYS_SHOWN: Final = 30
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
NAMED: Final = {"api_key_id": "key", "user_id": "user", "chat_id": "chat"}
COUNTS: Final = ("calls", "errors", "estimated", "unpriced")
TOKENS: Final = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks for; days are by the clock of each account, both included."""

    since: dt.date | None = None
    until: dt.date | None = None
    provider: str | None = None
    model: str | None = None
    surface: str | None = None
    api_key_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Report:
    time_zone: str
    since: dt.date
    until: dt.date
    group_by: Group | None
    total: dict[str, Any]
    items: list[dict[str, Any]]


class UsageService:
    """`everyone` is for admins; it tells no text and no title of anybody."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def report(self, principal: Principal, wanted: Wanted, group: Group | None, *, everyone: bool = False) -> Report:
        """The sums in all, and of each group. Raises Invalid."""
        asked = _asked(principal, wanted, everyone)

        total, items = self._store.read(lambda work: _reported(work, asked, group))
        zone = principal.time_zone or "UTC"
        return Report(zone, asked.since, asked.until, group, total, items)

    def of_chat(self, principal: Principal, reference: str) -> dict[str, Any]:
        """The sums of one chat, from its first call on. Raises NotFound."""

        def read(work: UnitOfWork) -> dict[str, Any]:
            chat = work.chats.get_owned(reference, principal.user_id)
            if chat is None:
                raise NotFound(NO_CHAT)
            return work.usage.in_chat(principal.user_id, chat.id)

        row = self._store.read(read)
        sums = _values(row, {})
        counted = {name: sums[name] for name in (*COUNTS, *TOKENS, "cost")}
        return counted | {"seconds": round(float(row["seconds"]), 3)}

    def export(self, principal: Principal, wanted: Wanted, form: str, *, everyone: bool = False) -> bytes:
        """Everything that the sums tell apart, as CSV or JSON. Raises Invalid."""
        asked = _asked(principal, wanted, everyone)
        rows = self._store.read(
            lambda work: _shown(work, "all", work.usage.summed(asked, "all"), work.usage.waits(asked, "all"))
        )
        for row in rows:
            waits = row.pop("first_token_ms")
            row |= {"first_token_ms_p50": waits["p50"], "first_token_ms_p95": waits["p95"]}
            if not everyone:
                del row["user_id"], row["username"]
        return _as_csv(rows) if form == "csv" else json.dumps(rows, default=str, ensure_ascii=False).encode()


def _asked(principal: Principal, wanted: Wanted, everyone: bool) -> Asked:
    until = wanted.until or principal.today()
    since = wanted.since or until - dt.timedelta(days=DAYS_SHOWN - 1)
    if since > until:
        words = "The period ends before it begins; `from` is its first day and `to` its last."
        raise Invalid.at("from", words, code="period")
    return Asked(
        user_id=wanted.user_id if everyone else principal.user_id,
        since=since,
        until=until,
        provider=wanted.provider,
        model=wanted.model,
        surface=wanted.surface,
        api_key_id=wanted.api_key_id,
    )


def _reported(work: UnitOfWork, asked: Asked, group: str | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """All in one, and each group. What the groups tell is added up here rather than asked for twice."""
    rows, waits = work.usage.summed(asked, group), work.usage.waits(asked, group)
    whole = work.usage.summed(asked, None) if group == "chat" else rows  # not every call is of a chat
    all_waits = waits if group is None or waits else work.usage.waits(asked, None)
    total = {name: sum(row[name] for row in whole) for name in SUMS}
    buckets: Counter[int] = Counter()
    for one in all_waits.values():
        buckets.update(one)
    return _values(total, buckets), _shown(work, group, rows, waits) if group else []


def _shown(
    work: UnitOfWork, group: str, rows: Sequence[Mapping[str, Any]], waits: Mapping[tuple[Any, ...], Mapping[int, int]]
) -> list[dict[str, Any]]:
    keys = ("chat_id",) if group == "chat" else COLUMNS[group]
    names = {column: work.usage.names(NAMED[column], _ids(rows, column)) for column in keys if column in NAMED}
    shown = []
    for row in rows:
        found: dict[str, Any] = {}
        for column in keys:
            value = None if row[column] == NO_KEY else row[column]
            found[column] = value
            if column in names:
                label = {"api_key_id": "key_name", "user_id": "username", "chat_id": "title"}[column]
                found[label] = names[column].get(row[column])
        shown.append(found | _values(row, waits.get(tuple(row[column] for column in keys), {})))
    return shown


def _ids(rows: Sequence[Mapping[str, Any]], column: str) -> list[UUID]:
    return list({row[column] for row in rows if row[column] != NO_KEY})


def _values(row: Mapping[str, Any], waits: Mapping[int, int]) -> dict[str, Any]:
    """An unknown cost is null: it is so where no call that used tokens has a price. `unpriced` calls are not in it."""
    priced = not row["unpriced"] or row["cost"]
    tokens, ms = row.get("timed_tokens") or 0, row.get("timed_ms") or 0
    return {
        **{name: int(row[name]) for name in (*COUNTS, *TOKENS)},
        "cost": in_dollars(Decimal(row["cost"])) if priced else None,
        "first_token_ms": {"p50": percentile(waits, 0.5), "p95": percentile(waits, 0.95)},
        "tokens_per_second": round(int(tokens) * 1000 / int(ms), 1) if ms else None,
    }


def _as_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """With a header, also where there are no rows; no cell is a formula to a spreadsheet."""
    rows = list(rows)
    out = io.StringIO()
    columns = list(rows[0]) if rows else ["day", "provider", "model", "surface", "calls", "cost"]
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
