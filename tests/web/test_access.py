"""Who may use which route: every route of the table, with every kind of credential."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from api.domain.ids import new_id
from api.web.auth import token_pair
from api.web.openapi import Access, access_of
from tests.architecture.owners import FORMS
from tests.web.conftest import FROM_PAGE, Actor


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Access does not depend on the database."""
    return sqlite_url


FORM = {"data": {}, "content_type": "multipart/form-data"}
ADMITTED = {
    Access.PUBLIC: {"nobody", "read", "chat", "admin", "admin's admin", "session", "admin's session", "page"},
    Access.GUEST: {"nobody", "read", "chat", "admin", "admin's admin", "session", "admin's session", "page"},
    Access.READ: {"read", "chat", "admin", "admin's admin", "session", "admin's session"},
    Access.CHAT: {"chat", "admin", "admin's admin", "session", "admin's session"},
    Access.ACCOUNT: {"admin", "admin's admin", "session", "admin's session"},
    Access.SESSION: {"session", "admin's session"},
    Access.ADMIN: {"admin's admin", "admin's session"},
    Access.PAGE: {"page"},
}


def test_each_credential_opens_the_routes_of_its_scopes_and_no_other(app: Flask, actor: Callable[[str], Actor]) -> None:
    chief, member = actor("ann"), actor("ben")
    credentials = {
        "nobody": {},
        "read": member.key("read"),
        "chat": member.key("chat"),
        "admin": member.key("admin"),
        "admin's admin": chief.key("admin"),
        "page": FROM_PAGE,
    }
    client = app.test_client()
    wrong = []
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access is None or access is Access.METRICS or rule.rule.startswith("/auth/re"):
            continue
        path = re.sub(r"<[^>]+>", str(new_id()), rule.rule)
        for method in rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            for who in sorted(ADMITTED[Access.PUBLIC]):
                headers = credentials.get(who)
                if headers is None:  # some of the routes end the session
                    headers = _session(app, member if who == "session" else chief)
                body = {} if method == "GET" else FORM if (method, path) in FORMS else {"json": {}}
                answer = client.open(path, method=method, headers=headers, **body)
                refused = answer.status_code in (401, 403) or b"This needs an API key" in answer.data  # one has no 403
                if refused == (who in ADMITTED[access]) and path != "/auth/login":
                    wrong.append((method, rule.rule, access.name, who, answer.status_code))
    assert wrong == []


def _session(app: Flask, actor: Actor) -> dict[str, str]:
    services = app.extensions["parley"]
    user = services.accounts.profile(UUID(actor.id))
    session, _ = services.sessions.start(user)
    with app.app_context():
        return {"Authorization": f"Bearer {token_pair(session, user)['access_token']}"}
