"""Units of work that meet: on SQLite one thread writes for all, on PostgreSQL each for itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from api.domain.errors import Invalid, NotFound, StoreUnavailable
from api.repositories.unit_of_work import ATTEMPTS, Store, UnitOfWork
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
    sa.event.listen(store.database.durable, "commit", lambda _: seen.append(threading.get_ident()))
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
    assert len(attempts) == ATTEMPTS


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
