"""`make bench-data`: lists, an opened chat and search, on SQLite and PostgreSQL.

python -m bench.data_chats                  10,000 chats, one of 2,000 messages, 1,000,000 messages in all
python -m bench.data_chats --rows 10000     fewer messages
python -m bench.data_chats --on sqlite      one database only
python -m bench.data_chats --pause          asks nothing before a line comes in: time to make the machine quiet
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.db import Database, upgrade
from api.domain.principal import ALL_SCOPES, Principal
from api.repositories.unit_of_work import Store
from api.services.chats import ChatFilter, Spot
from api.services.folders import FolderService
from api.services.search import SearchService
from bench.postgres import Cluster

CHATS = 10_000
LONG = 2_000
ROUNDS = 9
PROMISE_MS = 50.0
SEARCH_PROMISE_MS = 100.0
BEFORE_SEARCH = "0012"
NONE_LEFT = "common before:2000-01-01"
WHO = UUID("00000000-0000-7000-8000-000000000001")
SYLLABLES = [
    "ta",
    "ri",
    "mo",
    "ke",
    "su",
    "lan",
    "ver",
    "chi",
    "pro",
    "con",
    "ing",
    "er",
    "est",
    "al",
    "ion",
    "ment",
    "ab",
    "und",
    "str",
    "qu",
]
HAN = [chr(0x4E00 + number) for number in range(3_000)]
COLUMNS = ("user_id", "id", "chat_id", "parent_id", "seq", "role", "content", "model")


def words(count: int = 30_000) -> list[str]:
    """Made of syllables; the same in every run."""
    random_ = random.Random(1)
    return ["".join(random_.choices(SYLLABLES, k=random_.randint(1, 4))) for _ in range(count)]


def texts() -> Iterator[str]:
    """As frequent as in a language, every fourth with some Chinese; some rare words among them."""
    random_, known = random.Random(2), words()
    often = list(itertools.accumulate(1 / (place + 3) for place in range(len(known))))
    signs = list(itertools.accumulate(1 / (place + 30) for place in range(len(HAN))))
    for number in itertools.count():
        said = random_.choices(known, cum_weights=often, k=int(min(400, 8 + random_.expovariate(1 / 35))))
        if number % 4 == 0:
            said.insert(3, "".join(random_.choices(HAN, cum_weights=signs, k=random_.randint(5, 60))))
        if number % 2 == 0:
            said.insert(1, "common")
        if number % 1_000 == 0:
            said.insert(2, "介绍一下RUST系统编程")
        if number % 50_000 == 7:
            said.insert(2, "needlestack")
        yield " ".join(said)


def key(kind: int, number: int) -> UUID:
    """Later ones sort later."""
    return UUID(int=0x7000_8000_0000_0000_0000 + (number << 80) + kind)


def messages(rows: int) -> Iterator[tuple[Any, ...]]:
    """One chat of `LONG` messages, the others share the rest. Each chat is one branch."""
    source, number = texts(), 0
    each, more = divmod(max(rows - LONG, 0), CHATS - 1)
    for chat in range(CHATS):
        parent = None
        for seq in range(1, (LONG if chat == 0 else each + (chat <= more)) + 1):
            number += 1
            own = key(2, number)
            role, model = ("user", None) if seq % 2 else ("assistant", "gpt-4o")
            yield (WHO, own, key(1, chat), parent, seq, role, next(source), model)
            parent = own


def fill(database: Database, rows: int) -> None:
    """The rows as they were before there was a search."""
    person = {"id": WHO, "email": "a@example.org", "username": "ann", "password_hash": ""}
    chats = [
        {
            "user_id": WHO,
            "id": key(1, n),
            "number": n + 1,
            "slug": f"s{n}",
            "title": f"About {t[:50]}",
            "folder": f"f{n % 40}",
        }
        for n, t in zip(range(CHATS), texts(), strict=False)
    ]
    metadata = sa.MetaData()
    with database.writer.begin() as connection:
        if database.is_postgresql:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        tables = {name: sa.Table(name, metadata, autoload_with=connection) for name in ("users", "chats", "messages")}
        connection.execute(sa.insert(tables["users"]), _plain(database, person))
        connection.execute(sa.insert(tables["chats"]), [_plain(database, one) for one in chats])
        _copy(database, connection, messages(rows))
        last = "m.user_id = chats.user_id AND m.chat_id = chats.id ORDER BY seq DESC LIMIT 1"
        heads = f"SELECT id FROM messages m WHERE {last}"
        connection.execute(sa.text(f"UPDATE chats SET head_id = ({heads})"))


def _plain(database: Database, row: dict[str, Any]) -> dict[str, Any]:
    return row if database.is_postgresql else {k: v.hex if isinstance(v, UUID) else v for k, v in row.items()}


def _copy(database: Database, connection: sa.Connection, rows: Iterator[tuple[Any, ...]]) -> None:
    """By the driver's fastest way."""
    names = ", ".join(COLUMNS)
    cursor: Any = connection.connection.cursor()
    if not database.is_postgresql:
        marks = ", ".join("?" * len(COLUMNS))
        plain = (tuple(value.hex if isinstance(value, UUID) else value for value in row) for row in rows)
        cursor.executemany(f"INSERT INTO messages ({names}) VALUES ({marks})", plain)
        return
    while part := list(itertools.islice(rows, 20_000)):
        lines = ("\t".join("\\N" if value is None else str(value) for value in row) for row in part)
        cursor.copy_expert(f"COPY messages ({names}) FROM STDIN", io.StringIO("\n".join(lines) + "\n"))


def took(do: Callable[[], object]) -> tuple[float, float]:
    """The median and the worst of some rounds, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        do()
        times.append((time.perf_counter() - begun) * 1000)
    return median(times), max(times)


def questions(store: Store) -> Iterator[tuple[str, float, Callable[[], object]]]:
    """What is asked, and the promise for it."""
    from api.services.chats import ChatService

    who = Principal(WHO, "ann", "member", ALL_SCOPES)
    chats, search = ChatService(store, None), SearchService(store)  # type: ignore[arg-type]
    yield "the newest 30 of 10,000 chats", PROMISE_MS, lambda: chats.page(who, 30, None, ChatFilter(archived=False))
    yield "a folder's newest 30", PROMISE_MS, lambda: chats.page(who, 30, None, ChatFilter(folder="f7"))
    yield "folders with their counts", PROMISE_MS, lambda: FolderService(store, None).all(who)  # type: ignore[arg-type]
    yield "open the chat of 2,000 messages", PROMISE_MS, lambda: chats.open(who, str(key(1, 0)))
    middle = Spot("around", str(key(2, LONG // 2)))
    yield "50 messages around one of 2,000", PROMISE_MS, lambda: chats.messages(who, str(key(1, 0)), middle, 50)
    for text in (
        "needlestack",
        "common",
        "rust",
        "系统编程",
        "系统",
        "ru",
        "st",
        "x",
        "系",
        "ing common",
        "nowhere",
        "zq",
        '"con ing"',
    ):
        yield f"search {text}", SEARCH_PROMISE_MS, lambda text=text: search.search(who, text, 20, None)
    yield "search common model:gpt", SEARCH_PROMISE_MS, lambda: search.search(who, "common model:gpt", 20, None)
    yield "search common pinned:true", SEARCH_PROMISE_MS, lambda: search.search(who, "common pinned:true", 20, None)
    yield "search common before:2000-01-01", SEARCH_PROMISE_MS, lambda: search.search(who, NONE_LEFT, 20, None)
    yield "search rust in:title", SEARCH_PROMISE_MS, lambda: search.search(who, "rust in:title", 20, None)


def measured(name: str, url: str, rows: int, pause: bool) -> bool:
    """A line for each question; whether all keep their promises."""
    database = Database(url, pool_size=4)
    upgrade(database, BEFORE_SEARCH)
    begun = time.perf_counter()
    fill(database, rows)
    print(f"{name}: {rows:,} messages stored in {time.perf_counter() - begun:.0f} s", flush=True)
    begun = time.perf_counter()
    upgrade(database)
    print(f"{name}: made searchable in {time.perf_counter() - begun:.0f} s", flush=True)
    with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("SET statement_timeout = 0" if database.is_postgresql else "SELECT 1"))
        connection.execute(sa.text("ANALYZE"))
    if pause:
        input(f"{name}: ready; Return begins\n")
    store, kept = Store(database), True
    for question, promise, ask in questions(store):
        middle, worst = took(ask)
        kept = kept and middle < promise
        print(f"{name:10} {question:34} {middle:8.1f} ms   {worst:8.1f} ms at worst", flush=True)
    store.close()
    return kept


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--on", choices=("sqlite", "postgresql"))
    arguments.add_argument("--pause", action="store_true")
    given = arguments.parse_args()
    kept = True
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        Path(folder).chmod(0o755)
        if given.on != "postgresql":
            kept = measured("sqlite", f"sqlite:///{folder}/parley.db", given.rows, given.pause)
        if given.on != "sqlite":
            cluster = Cluster(Path(folder) / "postgres")
            cluster.start()
            try:
                kept = measured("postgresql", cluster.url(), given.rows, given.pause) and kept
            finally:
                cluster.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
