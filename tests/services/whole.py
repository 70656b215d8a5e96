"""All services over one database, as the server joins them, with accounts and a provider to ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask

from api.domain.generations import Generation
from api.domain.principal import ALL_SCOPES, Principal
from api.services.accounts import NewAccount
from api.services.messages import Draft, Sent
from api.services.model_configs import Wish
from api.services.registry import Services
from tests.server import until

PASSWORD = "correct horse battery"
KEY = "sk-proj-0123456789abcdefCANARY"


class Whole:
    """`services` of a started application; `ann` is the admin, `ben` a member."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.services: Services = app.extensions["parley"]
        self.services.generations.start()
        self.ann = self.account("ann")
        self.ben = self.account("ben")

    def account(self, name: str) -> Principal:
        user = self.services.accounts.register(NewAccount(f"{name}@example.org", name, PASSWORD))
        return Principal(user.id, user.username, user.role, ALL_SCOPES)

    def chat(self, who: Principal, **values: Any) -> str:
        return str(self.services.chats.create(who, values).id)

    def config(self, who: Principal, name: str = "mine", **values: Any) -> str:
        given = {"name": name, "provider": "openai", "api_key": KEY, "model": "text"} | values
        return str(self.services.model_configs.create(who, given).id)

    def send(self, who: Principal, chat: str, content: str, *, parent: str | None = None, **wish: Any) -> Sent:
        return self.services.messages.send(who, chat, Draft(content, parent, Wish(**wish)))

    def said(self, who: Principal, chat: str, content: str, **more: Any) -> Generation:
        """Send, and wait for the reply's end."""
        return self.ended(who, self.send(who, chat, content, **more))

    def ended(self, who: Principal, sent: Sent) -> Generation:
        generations = self.services.generations
        until(lambda: not generations.get(who, str(sent.generation_id)).active)
        return generations.get(who, str(sent.generation_id))


def with_default(who: Principal, model: str) -> Principal:
    return replace(who, default_model=model)


def statements(whole: Whole, do: Callable[[], object]) -> list[str]:
    """The SQL that `do` sends to read; not what housekeeping asks meanwhile, in its own thread."""
    import sqlalchemy as sa

    seen: list[str] = []
    mine = threading.get_ident()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.get_ident() == mine and statement.startswith(("SELECT", "WITH")):
            seen.append(statement)

    reader = whole.services.chats._store.database.reader
    sa.event.listen(reader, "before_cursor_execute", note)
    try:
        do()
    finally:
        sa.event.remove(reader, "before_cursor_execute", note)
    return seen
