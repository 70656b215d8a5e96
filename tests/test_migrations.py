"""The schema: made by migrations, equal to the models, safe to start together, and loadable by psql alone."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import warnings
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from api.cli.generated import files
from api.db import Database, SchemaError, _run_migrations, current_revision, head_revision, upgrade
from api.domain.ids import new_id
from api.domain.principal import ALL_SCOPES, Principal
from api.models import METADATA
from api.models.base import is_declared
from api.models.usage import USAGE_MONTHS
from api.repositories.unit_of_work import Store
from api.repositories.usage import Asked
from api.services.search import SearchService
from tests.postgres import Cluster
from tests.services.indexed import indexed, pending

ROOT = Path(__file__).resolve().parent.parent
UPGRADE = "import sys; from api.db import Database, upgrade; upgrade(Database(sys.argv[1], 2))"
MAKE = """
import sys, sqlalchemy as sa
from api.models import METADATA
engine = sa.create_mock_engine(sys.argv[1], lambda made, *_: print(made.compile(dialect=engine.dialect)))
METADATA.create_all(engine, checkfirst=False)
"""


def drift(database: Database) -> list[object]:
    """What the models have and the database has not, or the other way round."""
    options = {"include_name": is_declared, "compare_type": True, "compare_server_default": True}
    with database.reader.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SQLite cannot reflect indexes over expressions
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def test_models_and_migrations_agree(database: Database) -> None:
    assert current_revision(database) == head_revision()
    assert drift(database) == []


def test_drift_is_seen(database: Database) -> None:
    with database.writer.begin() as connection:
        connection.execute(sa.text("DROP TABLE instance_facts"))
    assert drift(database)


def test_indexes_over_some_rows(database: Database) -> None:
    """Alembic compares no conditions: those of the models are the database's."""
    option = f"{database.writer.dialect.name}_where"
    told = [
        (table.name, index.name, str(where))
        for table in METADATA.tables.values()
        for index in table.indexes
        if (where := index.dialect_kwargs[option]) is not None
    ]
    assert len(told) == 5
    with database.reader.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table, name, condition in told:
            found = next(one for one in sa.inspect(connection).get_indexes(table) if one["name"] == name)
            stored = str(found["dialect_options"][option])
            assert re.findall(r"\w+", condition)[0] in stored
            assert database.is_postgresql or stored == condition


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg2://"])
def test_the_models_alone_say_of_which_rows_an_index_is(url: str) -> None:
    """To whoever makes tables of them, in a process that has done nothing else; else one had one config a provider."""
    command = [sys.executable, "-c", MAKE, url]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True).stdout
    assert "UNIQUE INDEX uq_model_configs_default ON model_configs (user_id, provider) WHERE is_default" in made
    assert len(re.findall(r"INDEX .* WHERE ", made)) == 5


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fresh' / 'empty.db'}"
    cluster: Cluster = request.getfixturevalue("postgres")
    name = f"empty_{new_id().hex}"
    cluster.execute(f"CREATE DATABASE {name}")
    return cluster.url(name)


def test_four_processes_that_start_together_upgrade_once(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    command = [sys.executable, "-c", UPGRADE, empty_url]
    starters = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(4)]
    for starter in starters:
        _, errors = starter.communicate(timeout=120)
        assert starter.returncode == 0, errors.decode()
    database = Database(empty_url)
    assert current_revision(database) == head_revision()
    assert drift(database) == []
    database.dispose()


def test_a_chat_from_before_plan_mode_has_none(empty_url: str) -> None:
    """A column that is added to a table with rows."""
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(empty_url, 2)
    _run_migrations(database, "0005")
    user, chat = new_id().hex, new_id().hex
    with database.writer.begin() as connection:
        account = "INSERT INTO users (id, email, username, password_hash) VALUES (:user, 'a@b.example', 'ann', 'x')"
        connection.execute(sa.text(account), {"user": user})
        row = "INSERT INTO chats (user_id, id, number, slug, title) VALUES (:user, :chat, 1, 'one', 'One')"
        connection.execute(sa.text(row), {"user": user, "chat": chat})
    upgrade(database)
    assert drift(database) == []
    store = Store(database)
    found = store.read(lambda work: work.chats.get_owned("one", UUID(user)))
    store.close()
    database.dispose()
    assert found is not None
    assert (found.id, found.plan) == (UUID(chat), None)


def test_messages_of_before_there_was_a_search_are_found(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(empty_url, 2)
    upgrade(database, "0012")
    user, chat, said, empty = (new_id() for _ in range(4))
    rows = [
        ("users (id, email, username, password_hash)", (user, "a@b.example", "ann", "x")),
        ("chats (user_id, id, number, slug, title)", (user, chat, 1, "one", "One")),
        ("messages (user_id, id, chat_id, seq, role, content)", (user, said, chat, 1, "user", "介绍一下RUST")),
        ("messages (user_id, id, chat_id, seq, role)", (user, empty, chat, 2, "assistant")),
    ]
    with database.writer.begin() as connection:
        for place, values in rows:
            given = {f"v{n}": value.hex if isinstance(value, UUID) else value for n, value in enumerate(values)}
            named = ", ".join(f":{name}" for name in given)
            connection.execute(sa.text(f"INSERT INTO {place} VALUES ({named})"), given)
    upgrade(database)
    assert drift(database) == []
    store = Store(database)
    ann = Principal(user, "ann", "member", ALL_SCOPES)
    for query in ("rust", "一下", "ru", "one"):
        hits = SearchService(store).search(ann, query, 20, None).items
        assert [hit.message_id for hit in hits] == [None if query == "one" else said]
    fill = "UPDATE messages SET content = 'late needle' WHERE content = ''"
    store.write(lambda work: work.connection.execute(sa.text(fill)))
    assert [hit.message_id for hit in SearchService(store).search(ann, "needle", 20, None).items] == [empty]
    store.close()


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_what_was_indexed_before_there_were_pending_ones_stays_so(empty_url: str) -> None:
    """It is not indexed anew, and yet taken out of the index whole."""
    Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(empty_url, 2)
    upgrade(database, "0017")
    user, chat, ids = new_id(), new_id(), [new_id() for _ in range(6)]
    texts = ["needle one", "needle — “go”", "\x7fgo needle", "ne\x00edle ☀go", "", "₿needle"]

    def add(*numbers: int) -> None:
        rows = [(user.hex, ids[n].hex, chat.hex, n, "assistant", texts[n]) for n in numbers]
        insert = "INSERT INTO messages (user_id, id, chat_id, seq, role, content) VALUES (?, ?, ?, ?, ?, ?)"
        with database.writer.begin() as connection:
            connection.exec_driver_sql(insert, rows)

    with database.writer.begin() as connection:
        account = "INSERT INTO users (id, email, username, password_hash) VALUES (?, 'a@b.example', 'ann', 'x')"
        connection.exec_driver_sql(account, (user.hex,))
        row = "INSERT INTO chats (user_id, id, number, slug, title) VALUES (?, ?, 1, 'one', 'One')"
        connection.exec_driver_sql(row, (user.hex, chat.hex))
    add(0, 1, 2, 3, 4)
    upgrade(database)
    assert drift(database) == []
    store = Store(database)
    assert (indexed(store), pending(store)) == (ids[:4], [])
    add(5)
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE messages SET content = 'late needle' WHERE content = ''")
        connection.exec_driver_sql("UPDATE messages SET content = content || ' and more' WHERE seq = 1")
        connection.exec_driver_sql("DELETE FROM messages WHERE seq IN (2, 3)")
    assert (indexed(store), pending(store)) == (ids[:2], [ids[5], ids[4]])
    service, ann = SearchService(store), Principal(user, "ann", "member", ALL_SCOPES)
    for query, wanted in {"needle": (4, 5, 1, 0), "more": (1,), "go": (1,), "late": (4,)}.items():
        hits = service.search(ann, f"{query} in:messages", 20, None).items
        assert {hit.message_id for hit in hits} == {ids[n] for n in wanted}, query
    service.catch_up()
    assert (indexed(store), pending(store)) == ([ids[0], ids[1], ids[5], ids[4]], [])
    with database.writer.begin() as connection:
        connection.exec_driver_sql("DELETE FROM users")
    assert indexed(store) == []
    store.close()


def test_usage_of_before_there_were_months_is_in_them(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(empty_url, 2)
    upgrade(database, "0016")
    users = [new_id(), new_id()]
    cost = Decimal("0.0000000001") if "postgresql" in empty_url else 1  # SQLite holds units of the last place
    with database.writer.begin() as connection:
        for n, user in enumerate(users):
            account = "INSERT INTO users (id, email, username, password_hash) VALUES (:user, :name, :name, 'x')"
            connection.execute(sa.text(account), {"user": user.hex, "name": f"u{n}@x.example"})
            for day in ("2026-01-31", "2026-02-01", "2026-02-28"):
                row = "INSERT INTO usage_users (user_id, day, calls, cost) VALUES (:user, :day, :calls, :cost)"
                values = {"user": user.hex, "day": day, "calls": 3_000_000_000 + n, "cost": cost}
                connection.execute(sa.text(row), values)
            place = "usage_total_waits (day, provider, model, surface, bucket, calls)"
            row = f"INSERT INTO {place} VALUES ('2026-01-31', :m, :m, 's', 7, 5)"
            connection.execute(sa.text(row), {"m": f"m{n}"})
    upgrade(database)
    assert drift(database) == []
    months = USAGE_MONTHS.c
    query = sa.select(months.user_id, months.month, months.calls, months.cost, months.errors)
    with database.reader.connect() as connection:
        found = {tuple(row) for row in connection.execute(query)}
    one = Decimal("0.0000000001")
    january, february = dt.date(2026, 1, 1), dt.date(2026, 2, 1)
    assert found == {
        (user, month, days * (3_000_000_000 + n), days * one, 0)
        for n, user in enumerate(users)
        for month, days in ((january, 1), (february, 2))
    }
    store = Store(database)
    told = store.read(lambda work: work.usage.summed(Asked(None, january, dt.date(2026, 2, 27)), "user"))
    waits = store.read(lambda work: work.usage.waits(Asked(None, january, february), "day"))
    store.close()
    database.dispose()
    assert waits == {(dt.date(2026, 1, 31),): {7: 10}}
    assert {row["user_id"]: row["calls"] for row in told} == {
        user: 2 * (3_000_000_000 + n) for n, user in enumerate(users)
    }


def test_addresses_of_avatars_of_before_there_were_uploads_stay(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(empty_url)
    upgrade(database, "0018")
    user = new_id()
    with database.writer.begin() as connection:
        row = (
            "INSERT INTO users (id, email, username, password_hash, avatar_url) VALUES (:id, 'a@x.org', 'a', 'x', :url)"
        )
        connection.execute(sa.text(row), {"id": user.hex, "url": "https://example.org/a.png"})
    upgrade(database)
    assert drift(database) == []
    store = Store(database)
    found = store.read(lambda work: work.accounts.get(user))
    assert found is not None
    assert found.avatar_url == "https://example.org/a.png"
    assert store.read(lambda work: work.avatars.get(user)) is None
    store.close()
    database.dispose()


def test_a_newer_schema_is_refused_in_one_line(database: Database) -> None:
    with database.writer.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer than this code"):
        upgrade(database)


def test_an_unreachable_database_is_named_without_its_password() -> None:
    database = Database("postgresql+psycopg2://me:hidden-word@127.0.0.1:1/parley")
    with pytest.raises(SchemaError, match="127.0.0.1:1/parley") as caught:
        upgrade(database)
    assert "hidden-word" not in str(caught.value)


def test_psql_alone_makes_a_database_that_the_server_takes_as_current(postgres: Cluster) -> None:
    name = f"psql_{new_id().hex}"
    postgres.execute(f"CREATE DATABASE {name}")
    postgres.psql(name, ROOT / "sql" / "setup.sql")
    database = Database(postgres.url(name))
    assert current_revision(database) == head_revision()
    assert drift(database) == []
    database.dispose()


def test_configs_of_before_their_keys_had_origins(empty_url: str) -> None:
    """The demo loses an address that it never used; the others keep theirs, and get their origins at the start."""
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(empty_url)
    upgrade(database, "0006")
    user, demo, custom = (f"'{new_id().hex}'" for _ in range(3))
    with database.writer.begin() as connection:
        connection.execute(
            sa.text(f"INSERT INTO users (id, email, username, password_hash) VALUES ({user}, 'a@x.org', 'a', 'x')")
        )
        for config, provider in ((demo, "demo"), (custom, "custom")):
            connection.execute(
                sa.text(
                    "INSERT INTO model_configs (user_id, id, name, provider, base_url, api_key_encrypted) "
                    f"VALUES ({user}, {config}, '{provider}', '{provider}', 'https://x.example', 'v1.a.b')"
                )
            )
    upgrade(database)
    with database.reader.connect() as connection:
        rows = connection.execute(sa.text("SELECT provider, base_url, key_origin FROM model_configs ORDER BY provider"))
        assert [tuple(row) for row in rows] == [("custom", "https://x.example", None), ("demo", None, None)]
    database.dispose()


def test_generated_files_are_fresh() -> None:
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `flask --app api.cli docs write`"
