"""The sums of usage: written with each closing, read by day, provider, model, key, surface, person or chat."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from api.domain.generations import ACTIVE, Counted
from api.domain.usage import SUMS, sums, wait_bucket, where
from api.models.accounts import ApiKey, User
from api.models.base import table_of
from api.models.chats import Chat
from api.models.generations import Generation
from api.models.usage import UsageDay, UsageOfAll, UsageOfUser, UsageWait, WaitsOfAll
from api.repositories.base import Repository
from api.repositories.prepared import Prepared, Values, together

DAYS = table_of(UsageDay)
WAITS = table_of(UsageWait)
OF_USERS = table_of(UsageOfUser)
OF_ALL = table_of(UsageOfAll)
WAITS_OF_ALL = table_of(WaitsOfAll)
SUMMED = (DAYS, OF_USERS, OF_ALL)
WAITED = (WAITS, WAITS_OF_ALL)
"""In this order all closers take the rows, those of a table by their keys."""
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
        dialect = self.connection.dialect.name
        pieces: list[tuple[Prepared, Values]] = []
        for table in SUMMED:
            for key, total in sorted(_totals(table, calls).items()):
                pieces.append((_upsert(table, SUMS, dialect), dict(zip(_keys(table), key, strict=True)) | total))
        for table in WAITED:
            for key, number in sorted(_waits(table, calls).items()):
                values = dict(zip(_keys(table), key, strict=True)) | {"calls": number}
                pieces.append((_upsert(table, ("calls",), dialect), values))
        if pieces:
            together(self.connection, *pieces)

    def forget(self, user_id: UUID) -> None:
        """Take an account that is about to go out of everybody's sums: they tell what the ledger holds."""
        for own, everybodys, added in ((DAYS, OF_ALL, SUMS), (WAITS, WAITS_OF_ALL, ("calls",))):
            keys = _keys(everybodys)
            sums = [sa.func.sum(own.c[name], type_=own.c[name].type).label(name) for name in added]
            query = sa.select(*(own.c[name] for name in keys), *sums).where(own.c.user_id == user_id)
            rows = self.connection.execute(query.group_by(*(own.c[name] for name in keys))).mappings().all()
            upsert = _upsert(everybodys, added, self.connection.dialect.name)
            less = [(upsert, {**row, **{name: -row[name] for name in added}}) for row in rows]
            if less:
                together(self.connection, *sorted(less, key=lambda one: tuple(one[1][name] for name in keys)))

    def summed(self, asked: Asked, group: str | None) -> list[dict[str, Any]]:
        """The sums of each group beside its columns; all in one, without a group."""
        if group == "chat":
            return self._by_chat(asked)
        table = OF_ALL if _of_all(asked, group) else OF_USERS if _of_users(asked, group) else DAYS
        columns = [sa.func.sum(table.c[name], type_=table.c[name].type).label(name) for name in SUMS]
        rows = self.connection.execute(self._grouped(table, asked, COLUMNS[group], columns)).mappings()
        return [dict(row) for row in rows if row["calls"] is not None]

    def waits(self, asked: Asked, group: str | None) -> dict[tuple[Any, ...], dict[int, int]]:
        """Of each group, how many calls waited how long. Chats have none, nor has the list of all accounts."""
        if group == "chat" or _of_users(asked, group):
            return {}
        found: dict[tuple[Any, ...], dict[int, int]] = defaultdict(dict)
        table = WAITS_OF_ALL if _of_all(asked, group) else WAITS
        query = self._grouped(
            table, asked, (*COLUMNS[group], "bucket"), [sa.cast(sa.func.sum(table.c.calls), sa.BigInteger)]
        )
        for *place, bucket, calls in self.connection.execute(query):
            found[tuple(place)][bucket] = calls
        return found

    def names(self, kind: str, ids: Sequence[UUID]) -> dict[UUID, str]:
        """What people, keys and chats are called, where they still exist."""
        if kind not in NAMES or not ids:
            return {}
        key, name = NAMES[kind]
        return {row[0]: row[1] for row in self.connection.execute(sa.select(key, name).where(key.in_(ids)))}

    @staticmethod
    def _grouped(table: sa.Table, asked: Asked, group: tuple[str, ...], columns: Sequence[Any]) -> sa.Select[Any]:
        by = [table.c[name] for name in group]
        return sa.select(*by, *columns).where(*_filters(table.c, asked)).group_by(*by).order_by(*by)

    def _by_chat(self, asked: Asked) -> list[dict[str, Any]]:
        """From the ledger itself, of which an account's rows of some days are few."""
        assert asked.user_id is not None
        ended = (LEDGER.status.not_in(ACTIVE), LEDGER.chat_id.is_not(None))
        first = dt.datetime.combine(asked.since - A_DAY, dt.time(), dt.UTC)
        last = dt.datetime.combine(asked.until + 2 * A_DAY, dt.time(), dt.UTC)
        query = (
            sa.select(LEDGER.chat_id, *_of_ledger())
            .where(*ended, LEDGER.queued_at.between(first, last), *_filters(LEDGER, asked))
            .group_by(LEDGER.chat_id)
            .order_by(sa.func.max(LEDGER.queued_at).desc())
        )
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def in_chat(self, user_id: UUID, chat_id: UUID) -> dict[str, Any]:
        """The sums of a chat's calls that have ended, and the seconds that they took."""
        if self.connection.dialect.name == "sqlite":
            took = (sa.func.julianday(LEDGER.finished_at) - sa.func.julianday(LEDGER.queued_at)) * A_DAY.total_seconds()
        else:
            took = sa.extract("epoch", LEDGER.finished_at - LEDGER.queued_at)
        seconds = sa.func.coalesce(sa.func.sum(took), 0).label("seconds")
        of_it = (LEDGER.user_id == user_id, LEDGER.chat_id == chat_id, LEDGER.status.not_in(ACTIVE))
        return dict(self.connection.execute(sa.select(seconds, *_of_ledger()).where(*of_it)).mappings().one())


def _of_ledger() -> list[Any]:
    """What is added up of the ledger's rows."""
    tokens = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "cost")
    counts = {
        "calls": sa.func.count(),
        "errors": _how_many(LEDGER.status == "error"),
        "estimated": _how_many(LEDGER.estimated),
        "unpriced": _how_many(LEDGER.cost.is_(None) & LEDGER.completion_tokens.is_not(None)),
        **{name: sa.func.coalesce(sa.func.sum(LEDGER[name]), 0, type_=LEDGER[name].type) for name in tokens},
    }
    return [value.label(name) for name, value in counts.items()]


def _of_all(asked: Asked, group: str | None) -> bool:
    """Whether the sums of all accounts together answer it."""
    return asked.user_id is None and asked.api_key_id is None and group not in ("user", "key", "all")


def _of_users(asked: Asked, group: str | None) -> bool:
    """Whether the sums of whole accounts answer it."""
    filtered = asked.provider or asked.model or asked.surface or asked.api_key_id
    return asked.user_id is None and group == "user" and not filtered


def _filters(columns: Any, asked: Asked) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [columns.day.between(asked.since, asked.until)]
    for name in ("user_id", "provider", "model", "surface", "api_key_id"):
        if (value := getattr(asked, name)) is not None:
            found.append(columns[name] == value)
    return found


def _how_many(condition: Any) -> Any:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


@functools.cache
def _keys(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


def _totals(table: sa.Table, calls: Sequence[Counted]) -> dict[tuple[Any, ...], dict[str, int | Decimal]]:
    totals: dict[tuple[Any, ...], dict[str, int | Decimal]] = {}
    for call in calls:
        place = where(call)
        total = totals.setdefault(tuple(getattr(place, name) for name in _keys(table)), dict.fromkeys(SUMS, 0))
        for name, value in sums(call).items():
            total[name] += value
    return totals


def _waits(table: sa.Table, calls: Sequence[Counted]) -> Counter[tuple[Any, ...]]:
    waits: Counter[tuple[Any, ...]] = Counter()
    for call in calls:
        if (bucket := wait_bucket(call)) is not None:
            place = where(call)
            waits[*(getattr(place, name) for name in _keys(table)[:-1]), bucket] += 1
    return waits


@functools.cache
def _upsert(table: sa.Table, added: tuple[str, ...], dialect: str) -> Prepared:
    names = [column.name for column in table.columns]
    insert: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    insert = insert.values({name: sa.bindparam(name, type_=table.c[name].type) for name in names})
    changes: Mapping[str, Any] = {name: table.c[name] + insert.excluded[name] for name in added}
    return Prepared(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes))
