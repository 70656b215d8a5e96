"""What tests share: a database of their own on SQLite and on PostgreSQL, settings, and the application."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher

from api.config import Settings
from api.db import Database, upgrade
from api.repositories.unit_of_work import Store
from tests.postgres import Cluster, NoPostgres, running_cluster
from tests.rate_limits.parts import to_mid_window
from tests.suites import pytest_runtest_logreport, pytest_terminal_summary

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

__all__ = ["pytest_runtest_logreport", "pytest_terminal_summary"]  # hooks

MOST_WORKERS = 4
TEMPLATE = "parley_template"
SECRETS = {
    "jwt_secret": "5f1c" * 4 + "a9d27b60e3c84f15" * 3,
    "encryption_key": "9b74c9897bac770ffc029102a200c5de" * 2,
    "token_pepper": "c2b1" * 4 + "7e60d9f4183a5bc2" * 3,
    "page_secret": "e8d3" * 4 + "41f7c06b92ad358e" * 3,
}


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Real argon2id, at a hundredth of its cost: most tests need an account, and few its password."""

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""What one of the two kinds alone does."""


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests wait for servers and browsers half of their time."""
    return min(len(os.sched_getaffinity(0)) + 1, MOST_WORKERS)


def missing(reason: str) -> None:
    """A missing part skips its tests on a laptop and fails them under CI."""
    if os.environ.get("CI") == "true":  # noqa: TID251
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest 9.2 keeps a test's id where xdist 3.8 does not write its group; without this every group is ignored."""
    for item in items:
        grouped = getattr(item, "_nodeid", item.nodeid)
        if grouped != item.nodeid:
            item._id = type(item._id).parse(grouped)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One cluster a test process, with a migrated template database."""
    try:
        with running_cluster() as cluster:
            cluster.execute(f"CREATE DATABASE {TEMPLATE}")
            database = Database(cluster.url(TEMPLATE), pool_size=2)
            upgrade(database)
            database.dispose()
            yield cluster
    except NoPostgres as error:
        missing(f"PostgreSQL: {error}")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}", pool_size=1)
    upgrade(database)
    database.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "parley.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgres: Cluster) -> Iterator[str]:
    with postgres.lent(TEMPLATE) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty, migrated database; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    store = Store(database)
    yield store
    store.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """A factory: `settings(registration="closed")`; the rest has safe test values."""

    def make(**changes: Any) -> Settings:
        values = {"data_dir": tmp_path, "database_url": database_url, **SECRETS} | changes
        return Settings(**values)

    return make


@pytest.fixture
def make_app(settings: Callable[..., Settings]) -> Iterator[Callable[..., Flask]]:
    """A factory of applications with these settings; every one is closed at the end. Their limits count by a clock of
    which no window ends meanwhile."""
    from api.app import create_app

    apps: list[Flask] = []
    offset = to_mid_window()

    def make(**changes: Any) -> Flask:
        app = create_app(settings(**changes))
        services = app.extensions["parley"]
        services.accounts._passwords._hasher = CHEAP
        services.rate_limits.storage.clock = lambda: time.time() + offset
        apps.append(app)
        return app

    yield make
    for app in apps:
        close = app.extensions.get("parley_close")
        if close is not None:
            close()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
