"""Units of work that meet: on SQLite one thread writes for all, on PostgreSQL each for itself."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from api.domain.errors import Invalid, NotFound, StoreUnavailable
from api.repositories.unit_of_work import WRITES, Store, UnitOfWork
from tests.commits import Cut
from tests.conftest import ON_POSTGRESQL, ON_SQLITE
from tests.server import until


def note(work: UnitOfWork, name: str) -> None:
    statement = "INSERT INTO instance_facts (name, value) VALUES (:name, '1')"
    work.connection.execute(sa.text(statement), {"name": name})


def noted(store: Store) -> set[str]:
    query = sa.text("SELECT name FROM instance_facts WHERE name LIKE 'test-%'")
    return set(store.read(lambda work: work.connection.execute(query).scalars().all()))


def commits(store: Store) -> list[int]:
    seen: list[int] = []
    sa.event.listen(store.database.writer, "commit", lambda _: seen.append(threading.get_ident()))
    return seen


def test_everybody_gets_his_own_result(store: Store) -> None:
    def write(number: int) -> int:
        def fn(work: UnitOfWork) -> int:
            note(work, f"test-{number}")
            if number % 5 == 0:
                raise NotFound(str(number))
            return number

        try:
            return store.write(fn, durable=number % 2 == 0)
        except NotFound as error:
            return -int(error.detail)

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(write, range(1, 301)))
    assert results == [-number if number % 5 == 0 else number for number in range(1, 301)]
    assert noted(store) == {f"test-{number}" for number in range(1, 301) if number % 5}


@ON_SQLITE
def test_those_who_wait_share_one_transaction(store: Store) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slow(work: UnitOfWork) -> None:
        note(work, "test-first")
        entered.set()
        assert go_on.wait(60)

    seen = commits(store)
    with ThreadPoolExecutor(21) as pool:
        first = pool.submit(store.write, slow)
        assert entered.wait(60)
        others = [pool.submit(store.write, lambda work, n=n: note(work, f"test-{n}")) for n in range(20)]
        until(lambda: len(store._writer._waiting) == 20)  # type: ignore[union-attr]
        go_on.set()
        for future in (first, *others):
            future.result(60)
    assert len(seen) == 2
    assert len(noted(store)) == 21


@ON_SQLITE
def test_what_is_acknowledged_is_on_the_disk_and_counters_need_not_be(store: Store) -> None:
    def synced(work: UnitOfWork) -> int | None:
        return work.connection.exec_driver_sql("PRAGMA synchronous").scalar()

    full, normal = 2, 1
    assert [store.write(synced, durable=one) for one in (True, False, False, True)] == [full, normal, normal, full]


@ON_SQLITE
def test_a_writers_connection_that_broke_is_replaced(store: Store) -> None:
    def breaks(work: UnitOfWork) -> None:
        note(work, "test-lost")
        work.connection.connection.dbapi_connection.close()  # type: ignore[union-attr]

    for durable in (True, False):
        with pytest.raises(sa.exc.SQLAlchemyError):
            store.write(breaks, durable=durable)
        store.write(lambda work, name=f"test-after-{durable}": note(work, name), durable=durable)
    assert noted(store) == {"test-after-True", "test-after-False"}


@ON_SQLITE
def test_a_commit_that_fails_lets_others_write(store: Store) -> None:
    """A row that comes before the one it hangs on: the database finds at the end that this never came."""
    made = (
        "CREATE TABLE test_early (id INTEGER REFERENCES test_early (after) DEFERRABLE INITIALLY DEFERRED, after UNIQUE)"
    )
    store.write(lambda work: work.connection.execute(sa.text(made)))

    def early(work: UnitOfWork) -> None:
        work.connection.execute(sa.text("INSERT INTO test_early VALUES (1, 2)"))

    other = sqlite3.connect(str(store.database.url.database), timeout=0, isolation_level=None)
    with contextlib.closing(other):
        with pytest.raises(sa.exc.IntegrityError):
            store.write(early)
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    store.write(lambda work: note(work, "test-after"))
    assert noted(store) == {"test-after"}


@ON_SQLITE
def test_two_stores_of_one_database_write_one_after_the_other(store: Store) -> None:
    both = (store, Store(store.database))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: both[n % 2].write(lambda work: note(work, f"test-{n}"), durable=n % 3 == 0), range(80)))
    assert len(noted(store)) == 80


@ON_SQLITE
def test_a_write_inside_a_write_is_refused(store: Store) -> None:
    with pytest.raises(RuntimeError, match="inside a write"):
        store.write(lambda _: store.write(lambda work: note(work, "test-inner")))
    store.write(lambda work: note(work, "test-after"))
    assert noted(store) == {"test-after"}


@ON_SQLITE
def test_after_the_end_writes_are_refused_in_words(store: Store) -> None:
    store.close()
    with pytest.raises(StoreUnavailable, match="stopping"):
        store.write(lambda work: note(work, "test-late"))


def test_the_one_who_writes_may_end_in_the_middle(store: Store) -> None:
    class Ended(BaseException):
        pass

    def ends(_: UnitOfWork) -> None:
        raise Ended

    with pytest.raises(Ended):
        store.write(ends)
    store.write(lambda work: note(work, "test-after"))
    assert noted(store) == {"test-after"}


@ON_POSTGRESQL
def test_one_deadlock_after_the_other_is_told_as_trouble_of_the_database(store: Store) -> None:
    """PostgreSQL asks to try again after one; nobody waits for ever."""
    attempts = []

    def refused(work: UnitOfWork) -> None:
        attempts.append(1)
        work.connection.execute(sa.text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$"))

    with pytest.raises(StoreUnavailable) as told:
        store.write(refused)
    assert told.value.retry_after
    assert len(attempts) == WRITES


@ON_POSTGRESQL
@pytest.mark.parametrize("way", ["read", "write"])
def test_a_connection_that_breaks_before_the_commit_is_replaced_at_once(store: Store, way: str) -> None:
    attempts = []

    def run(work: UnitOfWork) -> int:
        attempts.append(1)
        if way == "write":
            note(work, "test-once")
        if len(attempts) == 1:
            work.connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return len(attempts)

    assert getattr(store, way)(run) == 2
    assert noted(store) == ({"test-once"} if way == "write" else set())


@ON_POSTGRESQL
@pytest.mark.parametrize("heard", [True, False])
def test_a_commit_that_nobody_answered_is_looked_for(store: Store, heard: bool) -> None:
    Cut(store, heard=heard)
    runs = []

    def run(work: UnitOfWork) -> str:
        runs.append(1)
        note(work, "test-once")
        return "result"

    def landed(work: UnitOfWork, result: str) -> bool:
        assert result == "result"
        return (
            work.connection.execute(sa.text("SELECT 1 FROM instance_facts WHERE name = 'test-once'")).first()
            is not None
        )

    if heard:
        assert store.write(run, landed=landed) == "result"
        assert noted(store) == {"test-once"}
    else:
        with pytest.raises(StoreUnavailable, match="look whether it is there"):
            store.write(run, landed=landed)
        assert noted(store) == set()
    assert len(runs) == 1


@ON_POSTGRESQL
def test_a_commit_that_nobody_answered_is_never_told_as_nothing(store: Store) -> None:
    Cut(store, heard=True)
    with pytest.raises(StoreUnavailable, match="look whether it is there"):
        store.write(lambda work: note(work, "test-once"))
    assert noted(store) == {"test-once"}


@ON_POSTGRESQL
@pytest.mark.parametrize("unasked", [0.0, 60.0])
def test_connections_that_were_ended_meanwhile_harm_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch, unasked: float
) -> None:
    """A restart of the database: whether they lay idle or were in use a moment ago."""
    monkeypatch.setattr("api.db.UNASKED_SECONDS", unasked)
    with ThreadPoolExecutor(8) as pool:
        together = threading.Barrier(8, timeout=60)
        list(pool.map(lambda _: store.read(lambda _: together.wait()), range(8)))
        others = sa.text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'parley'"
        )
        assert store.read(lambda work: work.connection.execute(others).scalar_one()) >= 7
        list(pool.map(lambda n: store.write(lambda work: note(work, f"test-{n}")), range(8)))
    assert len(noted(store)) == 8
    open_now = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'"
    )
    assert store.read(lambda work: work.connection.execute(open_now).scalar_one()) <= 8, "none that no pool knows"


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("INSERT INTO instance_facts (name, value) VALUES ('test-nul', CAST(:value AS TEXT))", "a\0b"),
        ("SELECT CAST(:value AS JSONB)", '{"text": "a\\u0000b"}'),
    ],
)
def test_what_postgresql_cannot_hold_is_the_senders_mistake(store: Store, statement: str, value: str) -> None:
    def run(work: UnitOfWork) -> None:
        work.connection.execute(sa.text(statement), {"value": value})

    with pytest.raises(Invalid, match="NUL"):
        store.write(run)
    if statement.startswith("SELECT"):
        with pytest.raises(Invalid, match="NUL"):
            store.read(run)


def test_another_wrong_value_is_still_a_fault_of_ours(store: Store) -> None:
    def run(_: UnitOfWork) -> None:
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        store.write(run)
