"""The server keeps to its own OpenAPI document, whatever is sent: no 5xx, and answers of the documented shapes."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.config import Settings
from tests.conftest import SECRETS, TEMPLATE

pytestmark = pytest.mark.xdist_group("contract")
EXAMPLES = 100 if os.environ.get("PARLEY_LONG") else 20  # noqa: TID251
PARTS = 4  # each far from the limit of a test's time, on a slow machine too


def no_fault_of_ours(ctx: Any, response: Any, case: Any) -> None:
    """A provider that was made up answers nobody: 502, which is never said of ourselves."""
    if response.status_code != HTTPStatus.BAD_GATEWAY:
        not_a_server_error(ctx, response, case)


CHECKS = [
    no_fault_of_ours,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STREAMS = {
    ("GET", "/generations/{id}/events"),
    ("POST", "/chats/{id}/messages"),
    ("POST", "/chats/{id}/compare"),
    ("PATCH", "/messages/{id}"),
    ("POST", "/messages/{id}/regenerate"),
    ("POST", "/messages/{id}/continue"),
    ("POST", "/messages/{id}/execute"),
    ("POST", "/providers/ollama/pull"),
}
ENDS_THE_SESSION = {("POST", "/auth/logout"), ("POST", "/auth/logout-all"), ("DELETE", "/auth/sessions/{id}")}
EXCLUDED = STREAMS | ENDS_THE_SESSION
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Providers with made-up addresses are added too, so no name is looked up."""
    folder = tmp_path_factory.mktemp("contract")
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", _nowhere)
        url = f"sqlite:///{folder}/parley.db"
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgres").database(TEMPLATE))
        yield from _app(folder, url)


def _nowhere(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _app(folder: Path, url: str) -> Iterator[Flask]:
    limits: dict[str, Any] = {"rate_limit_per_hour": 10**7, "generation_limit_per_hour": 10**7, "login_limit": 10**6}
    values: dict[str, Any] = {"data_dir": folder, **SECRETS, **limits}
    app = create_app(Settings(**values, database_url=url))
    app.extensions["parley_process"].start()
    yield app
    app.extensions["parley_close"]()


@pytest.fixture(scope="module")
def credentials(app: Flask) -> dict[str, str]:
    client = app.test_client()
    person = {"email": "ann@example.org", "username": "ann", "password": PASSWORD}
    assert client.post("/auth/register", json=person).status_code == 201
    token = client.post("/auth/login", json={"username": "ann", "password": PASSWORD}).get_json()["access_token"]
    return {"Authorization": f"Bearer {token}", "X-Page-Secret": SECRETS["page_secret"]}


@pytest.mark.parametrize("part", range(PARTS))
def test_every_operation(app: Flask, credentials: dict[str, str], part: int) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    tried = [one for one in operations if (one.method.upper(), one.path) not in EXCLUDED]
    assert len(operations) - len(tried) == len(EXCLUDED), "an operation that is excluded has gone"
    found = [fault for operation in tried[part::PARTS] for fault in _faults(app, operation, credentials)]
    assert not found, "\n\n".join(found)


MADE = {
    "/api-keys/": ("/api-keys", {"name": "mine", "scopes": ["read"]}, "id"),
    "/chats/": ("/chats", {}, "id"),
    "/model-configs/": ("/model-configs", {"name": "mine", "provider": "demo"}, "id"),
}


def _real_id(app: Flask, path: str, credentials: dict[str, str]) -> str | None:
    """Of an object that is there now, for a path that names one."""
    for prefix, (where, values, name) in MADE.items():
        if path.startswith(prefix):
            unique = values | ({"name": uuid4().hex} if "name" in values else {})
            made = app.test_client().post(where, json=unique, headers=credentials)
            return str(made.get_json()[name])
    return None


def _faults(app: Flask, operation: Any, credentials: dict[str, str]) -> list[str]:
    turns = itertools.cycle((True, False))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        if next(turns) and (real := _real_id(app, operation.path, credentials)):
            case.path_parameters["id"] = real
        case.call_and_validate(headers=credentials, checks=CHECKS)

    try:
        run()
    except Exception as fault:
        return [f"{operation.label}: {fault}"]
    return []
