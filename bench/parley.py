"""Our own server as the bench runs it: everything on, and the accounts, keys and chats for the load."""

from __future__ import annotations

import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.load import Seat
from bench.postgres import Cluster
from bench.processes import Server

USERS = 10
PASSWORD = "a long bench passphrase 1"
GUNICORN = str(Path(sys.executable).parent / "gunicorn")
PLENTY = "100000000"
"""Limits are counted in the database at every request and never reached."""


def server(name: str, port: int, upstream: str, folder: Path, database: Cluster | None) -> Server:
    """On SQLite with one process, or on PostgreSQL with two."""
    env = {
        "API_PORT": str(port),
        "DATA_DIR": str(folder),
        "OPENAI_BASE_URL": f"{upstream}/v1",
        **{f"{vendor}_BASE_URL": upstream for vendor in ("ANTHROPIC", "GEMINI", "OLLAMA")},
        "RATE_LIMIT_PER_HOUR": PLENTY,
        "GENERATION_LIMIT_PER_HOUR": PLENTY,
        "LOGIN_LIMIT": "100000",
        "MAX_STREAMS": "3000",
        "PARLEY_ENV": "development",
        "REGISTRATION": "open",
    }
    if database is not None:
        env |= {"DATABASE_URL": database.url(), "WEB_CONCURRENCY": "2"}
    folder.mkdir()
    command = [GUNICORN, "-c", "deploy/gunicorn.conf.py", "api.wsgi:app"]
    return Server(name, command, port, folder / "server.log", env)


class Refused(Exception):
    """The API answered a preparing request with something else than success."""


class Api:
    """Plain JSON calls over one kept connection."""

    def __init__(self, port: int, key: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.key = key

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        status, answer = self.send(method, path, body)
        if status >= 400:
            raise Refused(f"{method} {path}: {status} {answer[:300].decode(errors='replace')}")
        value: dict[str, Any] = json.loads(answer)
        return value

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        self._connection.request(method, path, json.dumps(body or {}), headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def prepare(port: int, chats: int) -> list[Seat]:
    """Accounts with a key and a model config each, and `chats` chats among them, mixed."""
    with ThreadPoolExecutor(USERS) as pool:
        rows = list(pool.map(lambda number: _account(port, number, chats // USERS), range(USERS)))
    return [seat for turn in zip(*rows, strict=True) for seat in turn]


def _account(port: int, number: int, chats: int) -> list[Seat]:
    api = Api(port)
    name = f"bench{number}"
    api.call("POST", "/auth/register", {"email": f"{name}@example.com", "username": name, "password": PASSWORD})
    login = api.call("POST", "/auth/login", {"username": name, "password": PASSWORD})
    api.key = login["access_token"]
    config = {"name": "bench", "provider": "openai", "api_key": f"sk-bench-{number:032d}"}
    api.call("POST", "/model-configs", {**config, "model": "bench-200-20", "is_default": True})
    for vendor in ("anthropic", "gemini"):
        other = {"name": vendor, "provider": vendor, "api_key": f"key-bench-{number:032d}", "model": "bench-200-20"}
        api.call("POST", "/model-configs", other)
    api.key = key = api.call("POST", "/api-keys", {"name": "bench", "scopes": ["chat"]})["key"]
    return [Seat(api.call("POST", "/chats", {})["id"], key) for _ in range(chats)]


def speaks_openai(port: int, key: str) -> bool:
    """Whether /v1/chat/completions is there already."""
    return Api(port, key).send("POST", "/v1/chat/completions")[0] not in (404, 405)
