"""The sums of usage: written with each closing, read by day, provider, model, key, surface, person or chat."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.domain.generations import ACTIVE, Counted
from api.domain.usage import SUMS, Where, sums, wait_bucket, where
from api.models.accounts import ApiKey, User
from api.models.base import table_of
from api.models.chats import Chat
from api.models.generations import Generation
from api.models.usage import UsageDay, UsageWait
from api.repositories.base import Repository
from api.repositories.prepared import Prepared, Values, together

DAYS = table_of(UsageDay)
WAITS = table_of(UsageWait)
LEDGER = table_of(Generation).c
CHATS = table_of(Chat).c
USERS = table_of(User).c
KEYS = table_of(ApiKey).c
NAMES = {"user": (USERS.id, USERS.username), "key": (KEYS.id, KEYS.name), "chat": (CHATS.id, CHATS.title)}
COLUMNS: dict[str | None, tuple[str, ...]] = {
    None: (),
    "day": ("day",),
    "provider": ("provider",),
    "model": ("provider", "model"),
    "key": ("api_key_id",),
    "surface": ("surface",),
    "user": ("user_id",),
    "all": ("day", "user_id", "provider", "model", "surface", "api_key_id"),
}
"""What each kind of group is made of; `all` is everything that the sums tell apart."""
A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which calls: of one account or (None) of all, of the days `since` to `until`, both included, of one …"""

    user_id: UUID | None
    since: dt.date
    until: dt.date
    provider: str | None = None
    model: str | None = None
    surface: str | None = None
    api_key_id: UUID | None = None


class UsageRepository(Repository):
    def add(self, calls: Sequence[Counted]) -> None:
        """Count calls that this transaction closes. Rows are taken in one order, so that no two closers wait for
        each other."""
        totals: dict[Where, dict[str, int | Decimal]] = {}
        waits: Counter[tuple[Where, int]] = Counter()
        for call in calls:
            place = where(call)
            total = totals.setdefault(place, dict.fromkeys(SUMS, 0))
            for name, value in sums(call).items():
                total[name] += value
            if (bucket := wait_bucket(call)) is not None:
                waits[place, bucket] += 1
        dialect = self.connection.dialect.name
        pieces: list[tuple[Prepared, Values]] = [
            (_upsert(DAYS, SUMS, dialect), asdict(place) | totals[place]) for place in sorted(totals)
        ]
        pieces += [
            (_upsert(WAITS, ("calls",), dialect), asdict(place) | {"bucket": bucket, "calls": waits[place, bucket]})
            for place, bucket in sorted(waits)
        ]
        if pieces:
            together(self.connection, *pieces)

    def summed(self, asked: Asked, group: str | None) -> list[dict[str, Any]]:
        """The sums of each group beside its columns; all in one, without a group."""
        if group == "chat":
            return self._by_chat(asked)
        columns = [sa.func.sum(DAYS.c[name], type_=DAYS.c[name].type).label(name) for name in SUMS]
        rows = self._grouped(DAYS, asked, COLUMNS[group], columns)
        return [row for row in rows if row["calls"] is not None]

    def waits(self, asked: Asked, group: str | None) -> dict[tuple[Any, ...], dict[int, int]]:
        """Of each group, how many calls waited how long. Chats have none."""
        found: dict[tuple[Any, ...], dict[int, int]] = defaultdict(dict)
        columns = [sa.func.sum(WAITS.c.calls).label("calls")]
        for row in self._grouped(WAITS, asked, (*COLUMNS[group], "bucket"), columns):
            found[tuple(row[name] for name in COLUMNS[group])][row["bucket"]] = int(row["calls"])
        return found

    def names(self, kind: str, ids: Sequence[UUID]) -> dict[UUID, str]:
        """What people, keys and chats are called, where they still exist."""
        if kind not in NAMES or not ids:
            return {}
        key, name = NAMES[kind]
        return {row[0]: row[1] for row in self.connection.execute(sa.select(key, name).where(key.in_(ids)))}

    def _grouped(
        self, table: sa.Table, asked: Asked, group: tuple[str, ...], columns: Sequence[Any]
    ) -> list[dict[str, Any]]:
        by = [table.c[name] for name in group]
        query = sa.select(*by, *columns).where(*_filters(table.c, asked)).group_by(*by).order_by(*by)
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def _by_chat(self, asked: Asked) -> list[dict[str, Any]]:
        """From the ledger itself, of which an account's rows of some days are few."""
        assert asked.user_id is not None
        ended = (LEDGER.status.not_in(ACTIVE), LEDGER.chat_id.is_not(None))
        first = dt.datetime.combine(asked.since - A_DAY, dt.time(), dt.UTC)
        last = dt.datetime.combine(asked.until + 2 * A_DAY, dt.time(), dt.UTC)
        tokens = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "cost")
        counts = {
            "calls": sa.func.count(),
            "errors": _how_many(LEDGER.status == "error"),
            "estimated": _how_many(LEDGER.estimated),
            "unpriced": _how_many(LEDGER.cost.is_(None) & LEDGER.completion_tokens.is_not(None)),
            **{name: sa.func.coalesce(sa.func.sum(LEDGER[name]), 0, type_=LEDGER[name].type) for name in tokens},
        }
        query = (
            sa.select(LEDGER.chat_id, *(value.label(name) for name, value in counts.items()))
            .where(*ended, LEDGER.queued_at.between(first, last), *_filters(LEDGER, asked))
            .group_by(LEDGER.chat_id)
            .order_by(sa.func.max(LEDGER.queued_at).desc())
        )
        return [dict(row) for row in self.connection.execute(query).mappings()]


def _filters(columns: Any, asked: Asked) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [columns.day.between(asked.since, asked.until)]
    for name in ("user_id", "provider", "model", "surface", "api_key_id"):
        if (value := getattr(asked, name)) is not None:
            found.append(columns[name] == value)
    return found


def _how_many(condition: Any) -> Any:
    return sa.func.sum(sa.case((condition, 1), else_=0))


@functools.cache
def _upsert(table: sa.Table, added: tuple[str, ...], dialect: str) -> Prepared:
    names = [column.name for column in table.columns]
    insert: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    insert = insert.values({name: sa.bindparam(name, type_=table.c[name].type) for name in names})
    changes: Mapping[str, Any] = {name: table.c[name] + insert.excluded[name] for name in added}
    return Prepared(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes))
