"""Real servers under test: one pair a kind of database, for all tests that only need two living processes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.server import running_server
from tests.survival.parts import Pair, Stored
from tests.upstream import Upstream

KINDS = [pytest.param(kind, marks=pytest.mark.xdist_group(f"pair-{kind}")) for kind in ("sqlite", "postgresql")]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


@pytest.fixture
def stored(database_url: str) -> Iterator[Stored]:
    stored = Stored(database_url)
    yield stored
    stored.close()


@pytest.fixture(scope="session", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two server processes on one database."""
    folder = tmp_path_factory.mktemp(f"pair-{request.param}")
    with ExitStack() as stack:
        if request.param == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), folder / "parley.db")
            url = f"sqlite:///{folder}/parley.db"
        else:
            url = stack.enter_context(request.getfixturevalue("postgres").database("parley_template"))
        up = stack.enter_context(Upstream())
        settings = {"OPENAI_BASE_URL": f"{up.url}/v1"}
        first = stack.enter_context(running_server(url, folder, **settings))
        second = stack.enter_context(running_server(url, folder, **settings))
        stored = Stored(url)
        stack.callback(stored.close)
        yield Pair(url, (first, second), up, stored)
        for server in (first, second):
            server.kill()  # its slower end has tests of its own
