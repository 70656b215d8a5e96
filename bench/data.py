"""`make bench-data`: usage over a generated ledger on PostgreSQL, and what its sums cost each call.

python -m bench.data                10 million calls of 1,000 accounts over a year: some minutes to make
python -m bench.data --rows 100000  fewer
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.db import Database, upgrade
from api.domain.generations import Closing
from api.domain.ids import new_id
from api.domain.principal import ALL_SCOPES, Principal
from api.domain.usage import SUMS as SUMS_OF_A_DAY
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.usage import Group, UsageService, Wanted
from bench.postgres import Cluster
from bench.processes import cpu_seconds

ROUNDS = 9
PROMISE_MS = 100.0
DAYS = 365
USERS = 1_000
CALLS = 400
TODAY = dt.datetime.now(dt.UTC).date()

PEOPLE = """
INSERT INTO users (id, email, username, password_hash, role)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'u' || n || '@example.org', 'user' || n, '',
    'member'
FROM generate_series(1, :users) n
"""
LEDGER = """
INSERT INTO generations (user_id, id, chat_id, api_key_id, surface, provider, model, status, owner, queued_at,
    first_token_at, finished_at, day, prompt_tokens, completion_tokens, cost, price_source)
SELECT user_id, gen_random_uuid(), chat_id, key_id, surface, provider, model, status, gen_random_uuid(), at,
    at + wait, at + wait + spoken * interval '12 ms', at::date, asked, spoken,
    CASE WHEN provider <> 'ollama' THEN (asked * 3 + spoken * 15) / 1000000.0 END, 'bench'
FROM (
    SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(who), 12, '0'))::uuid AS user_id,
        ('00000000-0000-7000-9000-' || lpad(to_hex(who * 64 + (n / :users) % 40), 12, '0'))::uuid AS chat_id,
        CASE WHEN n % 5 = 0 THEN ('00000000-0000-7000-a000-' || lpad(to_hex(who), 12, '0'))::uuid END AS key_id,
        CASE WHEN n % 5 = 0 THEN 'openai' ELSE 'native' END AS surface,
        (ARRAY['openai', 'openai', 'anthropic', 'gemini', 'ollama'])[1 + (n / 7) % 5] AS provider,
        (ARRAY['gpt-4o', 'gpt-4o-mini', 'claude-sonnet-4-5', 'gemini-2.5-flash', 'llama3.2'])[1 + (n / 7) % 5] AS model,
        CASE WHEN n % 50 = 0 THEN 'error' ELSE 'complete' END AS status,
        now() - (random() * :days) * interval '1 day' AS at,
        (200 + random() * 3000) * interval '1 ms' AS wait,
        (50 + random() * 2000)::int AS asked, (10 + random() * 600)::int AS spoken
    FROM (SELECT n, 1 + (n % :users) AS who FROM generate_series(:first, :last) n) numbered
) calls
"""
SUMS = """
INSERT INTO usage_days (user_id, day, provider, model, surface, api_key_id, calls, errors, prompt_tokens,
    completion_tokens, cost, unpriced, timed_tokens, timed_ms)
SELECT user_id, day, provider, model, surface, COALESCE(api_key_id, '00000000-0000-0000-0000-000000000000'), count(*),
    count(*) FILTER (WHERE status = 'error'), sum(prompt_tokens), sum(completion_tokens), COALESCE(sum(cost), 0),
    count(*) FILTER (WHERE cost IS NULL), sum(completion_tokens),
    sum(EXTRACT(EPOCH FROM finished_at - first_token_at) * 1000)::bigint
FROM generations GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 2
"""
WAITS = """
INSERT INTO usage_waits (user_id, day, provider, model, surface, api_key_id, bucket, calls)
SELECT user_id, day, provider, model, surface, COALESCE(api_key_id, '00000000-0000-0000-0000-000000000000'),
    ceil(ln(EXTRACT(EPOCH FROM first_token_at - queued_at) * 1000) / ln(2) * 8)::int, count(*)
FROM generations GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 2
"""
MONTHS = """
INSERT INTO usage_months (user_id, month, {names})
SELECT user_id, date_trunc('month', day)::date, {sums} FROM usage_users GROUP BY 1, 2 ORDER BY 2
"""
# A day's sums lie together, as calls that end day by day write them.


TOTALS = (
    ("usage_users", "user_id, day", "usage_days"),
    ("usage_totals", "day, provider, model, surface", "usage_days"),
    ("usage_total_waits", "day, provider, model, surface, bucket", "usage_waits"),
    ("usage_day_waits", "day, bucket", "usage_waits"),
)
ADDED = {"usage_days": SUMS_OF_A_DAY, "usage_waits": ("calls",)}


def fill(database: Database, rows: int) -> None:
    """The ledger, in parts of a million, and its sums."""
    with database.writer.begin() as connection:
        connection.execute(sa.text("SET statement_timeout = 0"))
        connection.execute(sa.text(PEOPLE), {"users": USERS})
    for first in range(1, rows + 1, 1_000_000):
        last = min(rows, first + 999_999)
        with database.writer.begin() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            values = {"users": USERS, "days": DAYS, "first": first, "last": last}
            connection.execute(sa.text(LEDGER), values)
        sys.stderr.write(f"\r{last:,} calls")
    with database.writer.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text(SUMS))
        connection.execute(sa.text(WAITS))
        for table, keys, source in TOTALS:
            names, sums = ", ".join(ADDED[source]), ", ".join(f"sum({name})" for name in ADDED[source])
            query = f"SELECT {keys}, {sums} FROM {source} GROUP BY {keys} ORDER BY day"
            connection.execute(sa.text(f"INSERT INTO {table} ({keys}, {names}) {query}"))
        sums = ", ".join(f"sum({name})" for name in SUMS_OF_A_DAY)
        connection.execute(sa.text(MONTHS.format(names=", ".join(SUMS_OF_A_DAY), sums=sums)))
    with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("SET statement_timeout = 0"))
        connection.execute(sa.text("VACUUM ANALYZE"))
    sys.stderr.write("\n")


class Costs:
    """CPU of this process and of the database, in seconds: on a shared machine it tells what waiting hides."""

    def __init__(self, database: int) -> None:
        self._database = database
        self._begun = self._now()

    def _now(self) -> float:
        return time.process_time() + cpu_seconds(self._database)

    def spent(self) -> float:
        return self._now() - self._begun


def took(do: Callable[[], object], database: int) -> tuple[float, float, float]:
    """The median and the worst of some rounds, and the CPU of one, in milliseconds."""
    times, costs = [], Costs(database)
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        do()
        times.append((time.perf_counter() - begun) * 1000)
    return median(times), max(times), costs.spent() / ROUNDS * 1000


def reports(store: Store, database: int) -> bool:
    """A line for each question; whether all keep the promise."""
    service = UsageService(store)
    who = UUID("00000000-0000-7000-8000-000000000007")
    user = Principal(who, "user7", "admin", ALL_SCOPES)
    month, year = Wanted(), Wanted(since=TODAY - dt.timedelta(days=DAYS))
    kept = True
    questions: list[tuple[str, Callable[[], object]]] = []

    def everyones(wanted: Wanted, group: Group) -> Callable[[], object]:
        return lambda: service.report(user, wanted, group, everyone=True)

    def own(wanted: Wanted, group: Group) -> Callable[[], object]:
        return lambda: service.report(user, wanted, group)

    own_groups: tuple[Group, ...] = ("day", "model", "chat", "key")
    all_groups: tuple[Group, ...] = ("day", "model", "provider", "user")
    for group in own_groups:
        questions.append((f"own, 30 days, by {group}", own(month, group)))
    questions.append(("own, a year, by day", own(year, "day")))
    for group in all_groups:
        questions.append((f"everyone's, 30 days, by {group}", everyones(month, group)))
    for group in all_groups:
        questions.append((f"everyone's, a year, by {group}", everyones(year, group)))
    for name, ask in questions:
        middle, worst, cpu = took(ask, database)
        kept = kept and middle < PROMISE_MS
        print(f"{name:34} {middle:8.1f} ms   {worst:8.1f} ms at worst   {cpu:8.1f} ms of CPU")
    return kept


def closings(store: Store, number: int) -> list[Closing]:
    """Calls that wait for their end."""
    owner, now = new_id(), dt.datetime.now(dt.UTC)
    user = UUID("00000000-0000-7000-8000-000000000009")
    made = []
    for _ in range(number):
        row: dict[str, Any] = {
            "user_id": user,
            "id": new_id(),
            "chat_id": None,
            "surface": "native",
            "provider": "openai",
        }
        row |= {"model": "gpt-4o", "status": "running", "notes": {}, "queued_at": now, "owner": owner, "day": TODAY}
        store.write(lambda work, row=row: work.turns.begin((), row, {}))  # type: ignore[misc]
        end = Closing(user, row["id"], None, owner, "complete", "", None, {}, {}, None, now, now, 100, 100)
        made.append(end)
    return made


def cost_of_sums(store: Store, database: int) -> None:
    """What `work.usage.add` adds to a closing, alone and among twenty."""

    def close(part: list[Closing], count: bool) -> None:
        def run(work: UnitOfWork) -> None:
            won = [one for end in part if (one := work.generations.close(end))]
            if count:
                work.usage.add(won)

        store.write(run)

    for size in (1, 20):
        spent, cpu = {False: 0.0, True: 0.0}, {False: 0.0, True: 0.0}
        for count in (False, True) * 2:
            made = closings(store, CALLS)
            begun, costs = time.perf_counter(), Costs(database)
            for at in range(0, CALLS, size):
                close(made[at : at + size], count)
            spent[count] += (time.perf_counter() - begun) / (2 * CALLS) * 1e6
            cpu[count] += costs.spent() / (2 * CALLS) * 1e6
        print(
            f"closing a call, {size:2} a transaction    {spent[False]:8.0f} µs   with its sums {spent[True]:8.0f} µs "
            f"(+{spent[True] - spent[False]:.0f}; CPU {cpu[False]:.0f}, +{cpu[True] - cpu[False]:.0f})"
        )


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=10_000_000)
    rows = arguments.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder) / "postgres")
        cluster.start()
        try:
            database = Database(cluster.url(), pool_size=4)
            upgrade(database)
            fill(database, rows)
            with database.reader.connect() as connection:
                for table in ("generations", "usage_days", "usage_waits", "usage_total_waits", "usage_months"):
                    found = connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
                    print(f"{table:34} {found:12,} rows")
            store = Store(database)
            kept = reports(store, cluster.pid)
            cost_of_sums(store, cluster.pid)
            store.close()
        finally:
            cluster.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
