"""Usage: sums that equal the ledger whatever happened, days by each account's clock, files that are safe to open."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import threading
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from api.domain import clock
from api.domain.errors import Invalid
from api.domain.generations import Closing, Counted
from api.domain.ids import new_id
from api.domain.principal import ALL_SCOPES, Principal
from api.domain.usage import NO_KEY, SUMS, Days, bucket_of, in_months, percentile
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
from api.repositories.unit_of_work import Store, UnitOfWork
from api.repositories.usage import A_DAY, Asked
from api.services.accounts import AccountService, NewAccount
from api.services.usage import UsageService, Wanted

LEDGER, DAYS, WAITS = GENERATIONS, USAGE_DAYS, USAGE_WAITS
USERS, MONTHS = USAGE_USERS, USAGE_MONTHS
TOTALS, TOTAL_WAITS, DAY_WAITS = USAGE_TOTALS, USAGE_TOTAL_WAITS, USAGE_DAY_WAITS
PLACE = ("user_id", "day", "provider", "model", "surface", "api_key_id")
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@pytest.fixture
def who(accounts: AccountService) -> Principal:
    user = accounts.register(NewAccount("ann@example.org", "ann", "correct horse battery"))
    return Principal(user.id, "ann", "admin", ALL_SCOPES, time_zone="Pacific/Auckland")


def call(store: Store, who: Principal, number: int, *, close: bool = True, **more: Any) -> dict[str, Any]:
    """A row of the ledger, and its closing through the repository, as every closer does it."""
    begun = NOON + dt.timedelta(minutes=number)
    owner = new_id()
    row: dict[str, Any] = {
        "user_id": who.user_id,
        "id": new_id(),
        "chat_id": None,
        "surface": ("native", "openai")[number % 2],
        "provider": ("openai", "demo")[number % 3 == 0],
        "model": ("gpt-4o", "=cmd()")[number % 5 == 0],
        "status": "running",
        "notes": {},
        "queued_at": begun,
        "day": begun.date() + dt.timedelta(days=number % 4),
        "owner": owner,
    } | {name: more.pop(name) for name in ("api_key_id", "day", "provider", "model", "chat_id") if name in more}
    store.write(lambda work: work.turns.begin((), row, {}))
    first = begun + dt.timedelta(milliseconds=37 * number)
    values: dict[str, Any] = {
        "first_token_at": first if number % 7 else None,
        "finished_at": first + dt.timedelta(milliseconds=11 * number),
        "prompt_tokens": number,
        "completion_tokens": number * 3 if number % 6 else None,
        "reasoning_tokens": number if number % 6 == 1 else None,
        "cached_tokens": number // 2,
        "estimated": number % 4 == 0,
        "cost": Decimal(number) / 10**10 if number % 6 and number % 5 else None,
    } | more
    closing = Closing(
        user_id=who.user_id,
        generation_id=row["id"],
        message_id=None,
        owner=owner,
        status=("complete", "error", "stopped")[number % 3],
        content="",
        reasoning=None,
        metadata={},
        notes={},
        event_index=None,
        **values,
    )
    if close:
        store.write(lambda work: closed(work, [closing]))
    return {"closing": closing}


def closed(work: UnitOfWork, closings: list[Closing]) -> list[Counted]:
    won = [one for closing in closings if (one := work.generations.close(closing))]
    work.usage.add(won)
    return won


def recomputed(store: Store) -> tuple[dict[Any, Any], Counter[Any]]:
    """What the sums must be, from the ledger's rows alone."""
    sums: dict[Any, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    waits: Counter[Any] = Counter()
    with store.database.reader.connect() as connection:
        for row in connection.execute(sa.select(LEDGER).where(LEDGER.c.status.not_in(("queued", "running")))):
            key = (row.user_id, row.day, row.provider, row.model, row.surface, row.api_key_id or NO_KEY)
            found = sums[key]
            took = row.completion_tokens and row.first_token_at and row.finished_at - row.first_token_at
            took = round(took / dt.timedelta(milliseconds=1)) if took else 0
            for name, value in {
                "calls": 1,
                "errors": row.status == "error",
                "estimated": bool(row.estimated),
                "unpriced": row.cost is None and row.completion_tokens is not None,
                "prompt_tokens": row.prompt_tokens or 0,
                "completion_tokens": row.completion_tokens or 0,
                "reasoning_tokens": row.reasoning_tokens or 0,
                "cached_tokens": row.cached_tokens or 0,
                "cost": row.cost or Decimal(0),
                "timed_tokens": row.completion_tokens if took else 0,
                "timed_ms": took,
            }.items():
                found[name] += value
            if row.first_token_at is not None:
                waited = (row.first_token_at - row.queued_at) / dt.timedelta(milliseconds=1)
                waits[*key, bucket_of(round(waited))] += 1
    return dict(sums), waits


def stored(store: Store) -> tuple[dict[Any, Any], Counter[Any]]:
    with store.database.reader.connect() as connection:
        columns = [DAYS.c[name] for name in (*PLACE, *SUMS)]
        rows = [tuple(row) for row in connection.execute(sa.select(*columns))]
        days = {row[:6]: dict(zip(SUMS, row[6:], strict=True)) for row in rows}
        waits = Counter({tuple(row)[:7]: row[7] for row in connection.execute(sa.select(WAITS))})
    return days, waits


def rolled(days: dict[Any, Any], *places: int) -> dict[Any, Any]:
    """The sums of `stored` by some of their keys."""
    found: dict[Any, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for key, values in days.items():
        for name, value in values.items():
            found[tuple(key[place] for place in places)][name] += value
    return dict(found)


def everybodys(store: Store) -> tuple[dict[Any, Any], dict[Any, Any], dict[Any, Any], Counter[Any]]:
    """The sums of each account, by day and by month, of all together, and all waits."""
    with store.database.reader.connect() as connection:
        users, months, totals = (
            {tuple(row)[:width]: dict(zip(SUMS, tuple(row)[width:], strict=True)) for row in connection.execute(query)}
            for width, query in (
                (2, sa.select(*(USERS.c[name] for name in ("user_id", "day", *SUMS)))),
                (2, sa.select(*(MONTHS.c[name] for name in ("user_id", "month", *SUMS)))),
                (4, sa.select(*(TOTALS.c[name] for name in ("day", "provider", "model", "surface", *SUMS)))),
            )
        )
        waits = Counter({tuple(row)[:5]: row[5] for row in connection.execute(sa.select(TOTAL_WAITS))})
        waits |= Counter({tuple(row)[:2]: row[2] for row in connection.execute(sa.select(DAY_WAITS))})
    return users, months, totals, +waits


def check_everybodys(store: Store) -> None:
    """Equal to the sums over the ledger; what is nothing may be a row of zeros."""
    days, waits = recomputed(store)
    users, months, totals, total_waits = everybodys(store)
    assert users == rolled(days, 0, 1)
    assert months == rolled({(*key, key[1].replace(day=1)): row for key, row in days.items()}, 0, 6)
    assert {key: row for key, row in totals.items() if row["calls"]} == rolled(days, 1, 2, 3, 4)
    assert all(not any(row.values()) for row in totals.values() if not row["calls"])
    expected: Counter[Any] = Counter()
    for key, calls in waits.items():
        expected[*key[1:5], key[6]] += calls
        expected[key[1], key[6]] += calls
    assert total_waits == expected


def test_everybodys_sums_are_the_ledgers_also_without_an_account_that_went(
    store: Store, who: Principal, accounts: AccountService
) -> None:
    user = accounts.register(NewAccount("ben@example.org", "ben", "correct horse battery"))
    ben = Principal(user.id, "ben", "member", ALL_SCOPES)
    for number in range(60):
        call(store, (who, ben)[number % 2], number, day=dt.date(2026, 11, 30) - dt.timedelta(days=number))
    check_everybodys(store)
    days = rolled(recomputed(store)[0], 0, 1)
    periods = [("10-31", "11-30"), ("10-20", "11-07"), ("11-03", "11-28"), ("10-02", "10-09"), ("01-01", "12-31")]
    for since, until in (map(dt.date.fromisoformat, (f"2026-{a}", f"2026-{b}")) for a, b in periods):
        told = store.read(lambda work, asked=Asked(None, since, until): work.usage.summed(asked, "user"))
        wanted = rolled({key: row for key, row in days.items() if since <= key[1] <= until}, 0)
        assert {(row.pop("user_id"),): row for row in told} == wanted, (since, until)
    accounts.delete(user.id, "correct horse battery")
    check_everybodys(store)
    report = UsageService(store).report(who, Wanted(dt.date(2026, 9, 1), dt.date(2026, 12, 1)), "user", everyone=True)
    assert report.total["calls"] == 30
    assert [(item["username"], item["calls"]) for item in report.items] == [("ann", 30)]


@given(st.dates(dt.date(2023, 12, 1), dt.date(2024, 4, 30)), st.integers(0, 100))
def test_a_period_is_its_months_and_few_single_days(since: dt.date, length: int) -> None:
    until = since + length * A_DAY
    period = in_months(since, until)

    def within(periods: list[Days]) -> Counter[dt.date]:
        return Counter(a + n * A_DAY for a, b in periods for n in range((b - a).days + 1))

    days = within([(since.replace(day=1), until.replace(day=28) + 3 * A_DAY)])
    months = {day.replace(day=1) for day in days if day <= until} - set(period.untaken)
    taken = Counter(day for day in within([(since - 40 * A_DAY, until + 40 * A_DAY)]) if day.replace(day=1) in months)
    missing, surplus = within(period.missing), within(period.surplus)
    assert taken + missing - surplus == within([(since, until)])
    assert not surplus - taken
    assert len(missing) + len(surplus) <= 32
    in_months(dt.date.min, dt.date.max)


def test_the_sums_are_the_ledgers(store: Store, who: Principal) -> None:
    key = new_id()
    for number in range(120):
        call(store, who, number, api_key_id=key if number % 11 == 0 else None)
    assert stored(store) == recomputed(store)
    assert sum(row["calls"] for row in stored(store)[0].values()) == 120


def test_parallel_closings_and_two_closers_of_one_call(store: Store, who: Principal) -> None:
    """Many batches over the same rows in different orders; each call is closed by two, and counted once."""
    closings = [call(store, who, number, close=False)["closing"] for number in range(60)]
    won: list[int] = []

    def close(part: list[Closing]) -> None:
        for start in range(0, len(part), 7):
            batch = sorted(part[start : start + 7], key=lambda one: one.generation_id)
            won.append(len(store.write(lambda work, batch=batch: closed(work, batch))))

    parts = [closings, closings[::-1], closings[1::2] + closings[::2], closings[30:] + closings[:30]]
    threads = [threading.Thread(target=close, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(won) == 60
    assert stored(store) == recomputed(store)
    check_everybodys(store)


def test_a_closing_that_is_undone_counts_nothing(store: Store, who: Principal) -> None:
    closing = call(store, who, 1, close=False)["closing"]

    def fail(work: UnitOfWork) -> None:
        closed(work, [closing])
        raise RuntimeError("later in the transaction")

    with pytest.raises(RuntimeError):
        store.write(fail)
    assert stored(store) == ({}, Counter())


def test_groups_add_up_to_the_total(store: Store, who: Principal) -> None:
    for number in range(60):
        call(store, who, number)
    service = UsageService(store)
    wanted = Wanted(dt.date(2026, 11, 20), dt.date(2026, 11, 30))
    for group in ("day", "model", "provider", "key", "surface"):
        report = service.report(who, wanted, group)  # type: ignore[arg-type]
        assert report.total["calls"] == 60
        for name in ("calls", "errors", "prompt_tokens", "completion_tokens", "unpriced"):
            assert sum(item[name] for item in report.items) == report.total[name], (group, name)
        assert sum(Decimal(item["cost"] or 0) for item in report.items) == Decimal(report.total["cost"])
    for everyone, groups in ((False, ("day", "chat", "key")), (True, ("model", "user", "surface"))):
        alone = service.report(who, wanted, None, everyone=everyone).total
        assert alone["first_token_ms"]["p95"]
        for group in groups:
            total = service.report(who, wanted, group, everyone=everyone).total  # type: ignore[arg-type]
            assert total == alone, f"waits and speed as well, by {group}"
    assert Decimal(report.total["cost"]) == sum(n for n in range(60) if n % 6 and n % 5) / Decimal(10**10)
    assert service.report(who, Wanted(dt.date(2026, 11, 21), dt.date(2026, 11, 21)), "day").items[0]["calls"] == 15
    with pytest.raises(Invalid):
        service.report(who, Wanted(dt.date(2026, 11, 22), dt.date(2026, 11, 21)), None)


@pytest.mark.parametrize("narrowed", [{"surface": ""}, {"provider": ""}, {"model": ""}])
def test_of_a_kind_without_a_name_there_are_no_calls(store: Store, who: Principal, narrowed: dict[str, str]) -> None:
    call(store, who, 1)
    wanted = Wanted(dt.date(2026, 11, 20), dt.date(2026, 11, 30), **narrowed)
    for group in (None, "day", "user", "model"):
        report = UsageService(store).report(who, wanted, group, everyone=True)  # type: ignore[arg-type]
        assert (report.total["calls"], report.items) == (0, []), group


def test_days_are_by_the_accounts_clock(who: Principal, monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    assert who.today() == dt.date(2026, 11, 21)  # noon in UTC is one in the night in Auckland
    assert Principal(who.user_id, "ann", "admin", ALL_SCOPES).today() == dt.date(2026, 11, 20)
    assert Principal(who.user_id, "ann", "admin", ALL_SCOPES, time_zone="Mars/Base").today() == dt.date(2026, 11, 20)
    report = UsageService(store).report(who, Wanted(), "day")
    assert (report.time_zone, report.until, report.since) == (
        "Pacific/Auckland",
        dt.date(2026, 11, 21),
        dt.date(2026, 10, 23),
    )


def test_what_is_unknown_is_null_and_nothing_is_zero(store: Store, who: Principal) -> None:
    service = UsageService(store)
    assert service.report(who, Wanted(), None).total["cost"] == "0"
    call(store, who, 1, cost=None)
    total = service.report(who, Wanted(dt.date(2026, 11, 1), dt.date(2026, 12, 1)), None).total
    assert (total["cost"], total["unpriced"]) == (None, 1)
    call(store, who, 2, cost=Decimal("0.0000004500"))
    total = service.report(who, Wanted(dt.date(2026, 11, 1), dt.date(2026, 12, 1)), None).total
    assert (total["cost"], total["unpriced"]) == ("0.00000045", 1)


def test_somebody_elses_calls_are_not_told(store: Store, who: Principal, accounts: AccountService) -> None:
    user = accounts.register(NewAccount("ben@example.org", "ben", "correct horse battery"))
    ben = Principal(user.id, "ben", "member", ALL_SCOPES)
    call(store, who, 1)
    service = UsageService(store)
    wanted = Wanted(dt.date(2026, 11, 1), dt.date(2026, 12, 1), user_id=who.user_id)
    for group in ("day", "chat", None):
        assert service.report(ben, wanted, group).total["calls"] == 0  # type: ignore[arg-type]
    everyone = service.report(who, Wanted(dt.date(2026, 11, 1), dt.date(2026, 12, 1)), "user", everyone=True)
    assert [(item["username"], item["calls"]) for item in everyone.items] == [("ann", 1)]


def test_chats_are_told_from_the_ledger(store: Store, who: Principal) -> None:
    chats = [new_id(), new_id()]
    for number in range(10):
        call(store, who, number, chat_id=chats[number % 2], day=dt.date(2026, 11, 21))
    report = UsageService(store).report(who, Wanted(dt.date(2026, 11, 21), dt.date(2026, 11, 21)), "chat")
    assert {item["chat_id"]: item["prompt_tokens"] for item in report.items} == {chats[0]: 20, chats[1]: 25}
    assert sum(Decimal(item["cost"]) for item in report.items) == Decimal(report.total["cost"])
    call(store, who, 9, chat_id=chats[0], close=False)
    one = store.read(lambda work: work.usage.in_chat(who.user_id, chats[0]))
    assert (one["calls"], one["prompt_tokens"], round(float(one["seconds"]), 2)) == (5, 20, 0.96)
    none = store.read(lambda work: work.usage.in_chat(new_id(), chats[0]))
    assert (none["calls"], none["unpriced"], none["cost"], none["seconds"]) == (0, 0, 0, 0)


def test_files_are_whole_and_no_cell_is_a_formula(store: Store, who: Principal) -> None:
    for number in range(30):
        call(store, who, number, model=("=1+1", "+x", "-x", "@x", "\tx", "\rx", "gpt,4\n")[number % 7])
    service = UsageService(store)
    wanted = Wanted(dt.date(2026, 11, 20), dt.date(2026, 11, 30))
    rows = list(csv.DictReader(io.StringIO(service.export(who, wanted, "csv").decode(), newline="")))
    objects = json.loads(service.export(who, wanted, "json"))
    assert len(rows) == len(objects)
    assert sum(int(row["calls"]) for row in rows) == sum(one["calls"] for one in objects) == 30
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "@", "\t", "\r", "-")]
    assert {one["model"] for one in objects} == {"=1+1", "+x", "-x", "@x", "\tx", "\rx", "gpt,4\n"}
    assert not {"user_id", "username"} & rows[0].keys()


@pytest.mark.parametrize("waits", [[1], [5, 5, 5], list(range(1, 2000)), [10] * 95 + [9000] * 5, [3_600_000]])
def test_percentiles_are_within_five_percent(waits: list[int]) -> None:
    buckets = Counter(map(bucket_of, waits))
    for share in (0.5, 0.95):
        exact = sorted(waits)[max(0, -(-len(waits) * int(share * 100) // 100) - 1)]
        found = percentile(buckets, share)
        assert found is not None
        assert abs(found - exact) <= max(1, exact * 0.05), (share, exact, found)
    assert percentile({}, 0.5) is None
