"""One server with an obliging model behind it, and what a client's program is told of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.clients.obliging import Obliging
from tests.server import Person, Server, running_server, until


@dataclass
class Place:
    """Where the clients go: the address, a key, and the key of somebody whose limit is used up."""

    server: Server
    upstream: Obliging
    ann: Person
    url: str
    key: str
    spent: str

    def told(self) -> str:
        """For a program's argument."""
        return json.dumps({"url": self.url, "key": self.key, "spent": self.spent})


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("clients")
    database = f"sqlite:///{folder}/parley.db"
    with Obliging() as upstream, running_server(database, folder, OPENAI_BASE_URL=upstream.url) as server:
        ann = server.person("ann")
        ben = server.person("ben")
        keys = []
        for person in (ann, ben):
            person.openai("obliging")
            made = person.call("POST", "/api-keys", {"name": "client", "scopes": ["read", "chat"]})
            assert made.status == 201, made.body
            keys.append(made.json["key"])
        limits = {"limits": {"generations": 0}}
        assert ann.call("PATCH", f"/admin/users/{ben.user['id']}", limits).status == 200
        until(lambda: b"obliging-too" in ann.call("GET", "/v1/models").body)  # by which bare names are known
        yield Place(server, upstream, ann, f"http://127.0.0.1:{server.port}/v1", *keys)
