"""Liveness locks and the word that travels between processes."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.db import Database
from api.domain.ids import new_id
from api.repositories.presence import Presence, lock_key, presence_of
from api.repositories.unit_of_work import Store

PATIENCE = 60


class Process:
    """A process's presence, and what it was told."""

    def __init__(self, database: Database) -> None:
        self.id = new_id()
        self.presence: Presence = presence_of(database, self.id)
        self.epochs: list[str | None] = []
        self.told = threading.Event()

    def start(self) -> None:
        self.presence.start(self.epochs.append, self.told.set)


def waited(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.fixture
def process(database: Database) -> Iterator[Process]:
    process = Process(database)
    process.start()
    yield process
    process.presence.stop()


@pytest.fixture
def other(database: Database) -> Iterator[Process]:
    other = Process(database)
    other.start()
    yield other
    other.presence.stop()


def test_a_lock_is_held_until_the_end(database: Database, process: Process, other: Process) -> None:
    assert len(process.epochs) == 1
    for _ in range(2):  # looking does not take it
        assert not other.presence.is_free(process.id)
    assert other.presence.is_free(new_id())
    gone = Process(database)
    gone.start()
    gone.presence.stop()
    waited(lambda: other.presence.is_free(gone.id))


def test_keys_differ() -> None:
    keys = {lock_key(new_id()) for _ in range(1000)}
    assert len(keys) == 1000
    assert lock_key(UUID(int=0)) == -(1 << 63)
    assert lock_key(UUID(int=(1 << 128) - 1)) == (1 << 63) - 1


def announce(store: Store, process: Process) -> None:
    store.write(lambda work: work.generation_events.announce(process.id))


def test_one_hears_the_others_and_not_oneself(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    store, process, other = Store(database), Process(database), Process(database)
    process.start()
    other.start()
    announce(store, process)
    assert other.told.wait(PATIENCE)
    announce(store, other)
    assert process.told.wait(PATIENCE)
    process.told.clear()
    announce(store, process)
    announce(store, process)
    other.told.clear()
    announce(store, process)
    assert other.told.wait(PATIENCE)
    assert not process.told.is_set()
    process.presence.stop()
    other.presence.stop()
    store.close()


def test_a_broken_line_is_made_again_whatever_its_number(postgresql_url: str) -> None:
    """A server with a thousand open streams gets a descriptor that `select` would refuse."""
    database = Database(postgresql_url)
    store, process, other = Store(database), Process(database), Process(database)
    process.start()
    other.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard > 2000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    filling = []
    try:
        while not filling or filling[-1] < 1100:
            filling.append(os.dup(0))
        kill = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'parley-listener' AND datname = current_database()"
        )
        store.read(lambda work: work.connection.execute(kill).all())
        waited(lambda: len(process.epochs) == len(other.epochs) == 2)
        assert process.told.wait(PATIENCE)  # it may have missed something
        waited(lambda: not other.presence.is_free(process.id))
        for _ in range(2):
            process.told.clear()
            announce(store, other)
            assert process.told.wait(PATIENCE)
        assert len(process.epochs) == 2
        assert len(set(process.epochs)) == 1  # the server itself did not restart
    finally:
        for descriptor in filling:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    process.presence.stop()
    other.presence.stop()
    store.close()
