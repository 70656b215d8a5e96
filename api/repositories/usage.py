"""The sums of usage: written with each closing, read by day, provider, model, key, surface, person or chat."""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.generations import ACTIVE, Counted
from api.domain.usage import SUMS, Days, Where, in_months, sums, wait_bucket, where
from api.models.accounts import API_KEYS, USERS
from api.models.chats import CHATS
from api.models.generations import GENERATIONS
from api.models.usage import (
    USAGE_DAY_WAITS,
    USAGE_DAYS,
    USAGE_MONTHS,
    USAGE_TOTAL_WAITS,
    USAGE_TOTALS,
    USAGE_USERS,
    USAGE_WAITS,
)
from api.repositories.base import Repository, insert_into
from api.repositories.prepared import Prepared, Values, together

SUMMED = (USAGE_DAYS, USAGE_USERS, USAGE_MONTHS, USAGE_TOTALS)
WAITED = (USAGE_WAITS, USAGE_TOTAL_WAITS, USAGE_DAY_WAITS)
"""In this order all closers take the rows, those of a table by their keys."""
CHAT, GENERATION, KEY, USER = CHATS.c, GENERATIONS.c, API_KEYS.c, USERS.c
NAMES = {"user": (USER.id, USER.username), "key": (KEY.id, KEY.name), "chat": (CHAT.id, CHAT.title)}
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
Numbers = tuple[Where, dict[str, int | Decimal], int | None]
"""Of a call: where it is counted, what it adds to the sums, and the bucket of its wait."""


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
        counted = [(where(call), _not_zero(sums(call)), wait_bucket(call)) for call in calls]
        for table in SUMMED:
            for key, total in sorted(_totals(table, counted).items()):
                some = tuple(name for name in SUMS if name in total)  # a shorter statement: half are zeros
                pieces.append((_upsert(table, some, dialect), dict(zip(_keys(table), key, strict=True)) | total))
        for table in WAITED:
            for key, number in sorted(_waits(table, counted).items()):
                values = dict(zip(_keys(table), key, strict=True)) | {"calls": number}
                pieces.append((_upsert(table, ("calls",), dialect), values))
        if pieces:
            together(self.connection, *pieces)

    def forget(self, user_id: UUID) -> None:
        """Take an account that is about to go out of everybody's sums: they tell what the ledger holds."""
        waits = ("calls",)
        for own, everybodys, added in (
            (USAGE_DAYS, USAGE_TOTALS, SUMS),
            (USAGE_WAITS, USAGE_TOTAL_WAITS, waits),
            (USAGE_WAITS, USAGE_DAY_WAITS, waits),
        ):
            keys = _keys(everybodys)
            sums = [_sum(own.c[name]) for name in added]
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
        if _of_users(asked, group):
            return self._by_user(asked)
        table = USAGE_TOTALS if _of_all(asked, group) else USAGE_DAYS
        columns = [_sum(table.c[name]) for name in SUMS]
        rows = self.connection.execute(self._grouped(table, asked, COLUMNS[group], columns)).mappings()
        return [dict(row) for row in rows if row["calls"] is not None]

    def waits(self, asked: Asked, group: str | None) -> dict[tuple[Any, ...], dict[int, int]]:
        """Of each group, how many calls waited how long. Chats have none, nor has the list of all accounts."""
        if group == "chat" or _of_users(asked, group):
            return {}
        found: dict[tuple[Any, ...], dict[int, int]] = {}
        everybodys = USAGE_DAY_WAITS if _of_days(asked, group) else USAGE_TOTAL_WAITS
        table = everybodys if _of_all(asked, group) else USAGE_WAITS
        columns = [table.c[name] for name in (*COLUMNS[group], "bucket")]
        each = sa.select(*columns, _sum(table.c.calls)).where(*_filters(table.c, asked)).group_by(*columns).subquery()
        places = [each.c[name] for name in COLUMNS[group]]
        sqlite = self.connection.dialect.name == "sqlite"
        collect = sa.func.json_group_object if sqlite else sa.func.json_object_agg
        # A row of a place with all its buckets: to fetch a row of each bucket costs more than to add them up.
        query = sa.select(*places, collect(each.c.bucket, each.c.calls, type_=sa.JSON())).group_by(*places)
        for *place, buckets in self.connection.execute(query):
            if buckets:
                found[tuple(place)] = {int(bucket): calls for bucket, calls in buckets.items()}
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

    def _by_user(self, asked: Asked) -> list[dict[str, Any]]:
        """From the sums of months, and of the days by which the period is more or less than months."""
        period = in_months(asked.since, asked.until)
        months, days = USAGE_MONTHS.c, USAGE_USERS.c
        whole = sa.select(months.user_id, *(months[name] for name in SUMS))
        more = sa.select(days.user_id, *(days[name] for name in SUMS))
        less = sa.select(days.user_id, *((-days[name]).label(name) for name in SUMS))
        parts = sa.union_all(
            whole.where(months.month.between(period.since, period.until), months.month.not_in(period.untaken)),
            more.where(_within(days.day, period.missing)),
            less.where(_within(days.day, period.surplus)),
        ).subquery()
        columns = [_sum(parts.c[name]) for name in SUMS]
        query = sa.select(parts.c.user_id, *columns).group_by(parts.c.user_id).order_by(parts.c.user_id)
        return [dict(row) for row in self.connection.execute(query).mappings() if row["calls"]]

    def _by_chat(self, asked: Asked) -> list[dict[str, Any]]:
        """From the ledger itself, of which an account's rows of some days are few."""
        assert asked.user_id is not None
        ended = (GENERATION.status.not_in(ACTIVE), GENERATION.chat_id.is_not(None))
        first = dt.datetime.combine(asked.since - A_DAY, dt.time(), dt.UTC)
        last = dt.datetime.combine(asked.until + 2 * A_DAY, dt.time(), dt.UTC)
        query = (
            sa.select(GENERATION.chat_id, *_of_ledger())
            .where(*ended, GENERATION.queued_at.between(first, last), *_filters(GENERATION, asked))
            .group_by(GENERATION.chat_id)
            .order_by(sa.func.max(GENERATION.queued_at).desc())
        )
        return [dict(row) for row in self.connection.execute(query).mappings()]

    def in_chat(self, user_id: UUID, chat_id: UUID) -> dict[str, Any]:
        """The sums of a chat's calls that have ended, and the seconds that they took."""
        if self.connection.dialect.name == "sqlite":
            days = sa.func.julianday(GENERATION.finished_at) - sa.func.julianday(GENERATION.queued_at)
            took = days * A_DAY.total_seconds()
        else:
            took = sa.extract("epoch", GENERATION.finished_at - GENERATION.queued_at)
        seconds = sa.func.coalesce(sa.func.sum(took), 0).label("seconds")
        of_it = (GENERATION.user_id == user_id, GENERATION.chat_id == chat_id, GENERATION.status.not_in(ACTIVE))
        return dict(self.connection.execute(sa.select(seconds, *_of_ledger()).where(*of_it)).mappings().one())


def _of_ledger() -> list[Any]:
    """What is added up of the ledger's rows."""
    tokens = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "cost")
    counts = {
        "calls": sa.func.count(),
        "errors": _how_many(GENERATION.status == "error"),
        "estimated": _how_many(GENERATION.estimated),
        "unpriced": _how_many(GENERATION.cost.is_(None) & GENERATION.completion_tokens.is_not(None)),
        **{name: sa.func.coalesce(sa.func.sum(GENERATION[name]), 0, type_=GENERATION[name].type) for name in tokens},
    }
    return [value.label(name) for name, value in counts.items()]


def _of_all(asked: Asked, group: str | None) -> bool:
    """Whether the sums of all accounts together answer it."""
    return asked.user_id is None and asked.api_key_id is None and group not in ("user", "key", "all")


def _of_days(asked: Asked, group: str | None) -> bool:
    """Whether the waits of whole days answer it."""
    return _of_all(asked, group) and group in (None, "day") and not _is_narrowed(asked)


def _of_users(asked: Asked, group: str | None) -> bool:
    """Whether the sums of whole accounts answer it."""
    return asked.user_id is None and group == "user" and not _is_narrowed(asked)


def _is_narrowed(asked: Asked) -> bool:
    """To calls of one kind, be it one that there is none of (an empty name)."""
    return any(getattr(asked, name) is not None for name in ("provider", "model", "surface", "api_key_id"))


def _filters(columns: Any, asked: Asked) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [columns.day.between(asked.since, asked.until)]
    for name in ("user_id", "provider", "model", "surface", "api_key_id"):
        if (value := getattr(asked, name)) is not None:
            found.append(columns[name] == value)
    return found


def _sum(column: Any) -> sa.ColumnElement[Any]:
    """PostgreSQL's sums of integers are decimals, which cost more to read."""
    total = sa.func.sum(column, type_=column.type)
    return (total if column.name == "cost" else sa.cast(total, sa.BigInteger)).label(column.name)


def _within(column: Any, periods: Sequence[Days]) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(column.between(*days) for days in periods))


def _how_many(condition: Any) -> Any:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


@functools.cache
def _keys(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


@functools.cache
def _place_of(names: tuple[str, ...]) -> Callable[[Where], tuple[Any, ...]]:
    """Where a call is counted, by these columns."""
    if len(names) == 1:
        return lambda place: (getattr(place, names[0]),)
    return operator.attrgetter(*names)


def _not_zero(added: Mapping[str, int | Decimal]) -> dict[str, int | Decimal]:
    return {name: value for name, value in added.items() if value}


def _totals(table: sa.Table, calls: Sequence[Numbers]) -> dict[tuple[Any, ...], dict[str, int | Decimal]]:
    totals: dict[tuple[Any, ...], dict[str, int | Decimal]] = {}
    key_of = _place_of(_keys(table))
    for place, added, _ in calls:
        total = totals.setdefault(key_of(place), {})
        for name, value in added.items():
            total[name] = total.get(name, 0) + value
    return totals


def _waits(table: sa.Table, calls: Sequence[Numbers]) -> Counter[tuple[Any, ...]]:
    waits: Counter[tuple[Any, ...]] = Counter()
    key_of = _place_of(_keys(table)[:-1])
    for place, _, bucket in calls:
        if bucket is not None:
            waits[*key_of(place), bucket] += 1
    return waits


@functools.cache
def _upsert(table: sa.Table, added: tuple[str, ...], dialect: str) -> Prepared:
    names = [*_keys(table), *added]  # all else is zero where a row begins
    insert = insert_into(table, dialect).values({name: sa.bindparam(name, type_=table.c[name].type) for name in names})
    excluded = insert.excluded  # made anew each time that it is asked for
    changes: Mapping[str, Any] = {name: table.c[name] + excluded[name] for name in added}
    return Prepared(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes))
