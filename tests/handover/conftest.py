"""Two servers over one upstream: one that hands sockets over, and one with gunicorn's own worker, which does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.server import Person, Server, running_server
from tests.upstream import Upstream

GENERATIONS = 30
WAIT_SLOTS = 4
SETTINGS = {
    "THREADS": str(WAIT_SLOTS * 2),
    "GENERATION_LIMIT_PER_HOUR": str(GENERATIONS),
    "STREAM_WRITE_TIMEOUT": "2",
    "MAX_REPLY_CHARS": "20000000",
    "CORS_ORIGINS": "https://app.example",
    "DRAIN_SECONDS": "1",
}
PLAIN = {"GUNICORN_CMD_ARGS": "--worker-class tests.handover.plain.PlainWorker"}
_numbers = itertools.count()


@pytest.fixture(scope="package")
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


def _server(factory: pytest.TempPathFactory, upstream: Upstream, name: str, **more: str) -> Iterator[Server]:
    folder = factory.mktemp(name)
    settings = SETTINGS | {"OPENAI_BASE_URL": f"{upstream.url}/v1"} | more
    with running_server(f"sqlite:///{folder}/parley.db", folder, **settings) as server:
        yield server


@pytest.fixture(scope="package")
def handing(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Server]:
    """Our worker."""
    yield from _server(tmp_path_factory, upstream, "handing")


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Server]:
    """gunicorn's worker."""
    yield from _server(tmp_path_factory, upstream, "plain", **PLAIN)


@pytest.fixture(params=["handing", "plain"])
def server(request: pytest.FixtureRequest) -> Server:
    """Either way."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def newcomer() -> Callable[[Server], Person]:
    """A new account at a server, with the upstream as its model."""

    def make(server: Server) -> Person:
        person = server.person(f"person{next(_numbers)}")
        person.openai()
        return person

    return make


@pytest.fixture
def person(server: Server, newcomer: Callable[[Server], Person]) -> Person:
    return newcomer(server)
