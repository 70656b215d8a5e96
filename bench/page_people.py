"""The API and the page as people run them, for `bench.page`, and accounts with as much in them as is wanted."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from api.domain.ids import new_id
from api.models.chats import CHATS
from bench.page_provider import Provider
from bench.processes import Server, free_port

SECRET = "a secret of the bench's page and API, long enough for both"
PASSWORD = "a long password of the bench"
RAISED = ("LOGIN_LIMIT", "RATE_LIMIT_PER_HOUR", "GENERATION_LIMIT_PER_HOUR")


@dataclass
class Accounts:
    """Accounts by name, made when first asked for. The page's own secret opens the handles that its cookies hold."""

    api: str
    database: str
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def handle(self, name: str, *, chats: int = 0, model: bool = False) -> str:
        if name not in self._known:
            account = {"email": f"{name}@bench.example", "username": name, "password": PASSWORD}
            self._post("/auth/register", account)
            login = {"username": name, "password": PASSWORD}
            self._known[name] = self._post("/auth/login", login, {"X-Page-Secret": SECRET})
            if chats:
                self._fill(name, chats)
            if model:
                config = {"name": "bench", "provider": "openai", "api_key": "sk-bench-0123456789", "model": "words"}
                self._post("/model-configs", config | {"is_default": True}, self._auth(name))
        return str(self._known[name]["handle"])

    def long_chat(self, name: str, messages: int) -> str:
        self.handle(name, model=True)
        chat = str(self._post("/chats", {"title": "A long one"}, self._auth(name))["id"])
        for number in range(messages // 2):
            text = f"words:60:0 is asked for the time {number}. " + "Some more words that a question has. " * 3
            self._post(f"/chats/{chat}/messages", {"content": text}, self._auth(name))
        return chat

    def streaming(self, name: str, tokens: int, pause_ms: int) -> tuple[str, str]:
        """The cookie's handle and the chat in which a reply begins to run."""
        handle = self.handle(name, model=True)
        chat = str(self._post("/chats", {}, self._auth(name))["id"])
        headers = {"Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex} | self._auth(name)
        self._post(f"/chats/{chat}/messages", {"content": f"words:{tokens}:{pause_ms}"}, headers)
        return handle, chat

    def _fill(self, name: str, count: int) -> None:
        user = uuid.UUID(self._known[name]["user"]["id"])
        rows = [
            {"user_id": user, "id": new_id(), "number": n, "slug": f"c{n}", "title": f"About the matter {n} of many"}
            for n in range(1, count + 1)
        ]
        engine = sa.create_engine(self.database)
        with engine.begin() as connection:
            connection.execute(sa.insert(CHATS), rows)
        engine.dispose()

    def _auth(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._known[name]['access_token']}"}

    def _post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        answer = requests.post(self.api + path, json=body, headers=dict(headers or {}), timeout=120)
        assert answer.ok, answer.text
        return dict(answer.json())


@dataclass
class Instance:
    url: str
    accounts: Accounts
    provider: Provider
    page_pid: int
    api_pid: int


@contextmanager
def running(folder: Path, provider: Provider) -> Iterator[Instance]:
    api_port, page_port = free_port(), free_port()
    database = f"sqlite:///{folder}/parley.db"
    env = {"DATA_DIR": str(folder), "DATABASE_URL": database, "API_PORT": str(api_port), "PAGE_SECRET": SECRET}
    env |= {"OPENAI_BASE_URL": provider.url, **dict.fromkeys(RAISED, "1000000")}
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "api.wsgi:app"]
    api = Server("api", gunicorn, api_port, folder / "api.log", env)
    url = f"http://127.0.0.1:{page_port}"
    streamlit = [sys.executable, "-m", "streamlit", "run", "ui/asgi.py", "--server.address", "127.0.0.1"]
    streamlit += ["--server.headless", "true", "--server.port", str(page_port)]
    env = {"API_URL": f"http://127.0.0.1:{api_port}", "PAGE_SECRET": SECRET, "HOME": str(folder)}
    page = Server("page", streamlit, page_port, folder / "page.log", env, health="/_stcore/health")
    try:
        api.start()
        page.start()
        yield Instance(url, Accounts(env["API_URL"], database), provider, page.pid, api.pid)
    finally:
        page.stop()
        api.stop()
