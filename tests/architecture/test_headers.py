"""A route that reads a header says so in the OpenAPI document, and one that says so reads it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from flask import Flask, request

from api.app import create_app
from api.config import Settings
from api.web.reference import openapi
from api.web.request_headers import ACCEPT, PARAMETERS
from tests.architecture.files import ROOT
from tests.conftest import SECRETS

WEB = ROOT / "api" / "web"
ALL = {*PARAMETERS, "Accept"}
EVERYWHERE = {
    "Authorization",
    "X-Page-Secret",
    "X-Client-Address",
    "User-Agent",
    "Origin",
    "Sec-Fetch-Site",
}  # of access, not of an operation
READ = re.compile(r"""request\.headers(?:\.get\(|\[)["']([A-Za-z-]+)""")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("headers")
    values: dict[str, Any] = {"data_dir": folder, "database_url": f"sqlite:///{folder}/parley.db", **SECRETS}
    app = create_app(Settings(**values))
    yield app
    app.extensions["parley_close"]()


def headers_read(function: Any, seen: set[Any] | None = None) -> set[str]:
    """The headers that a function of the web layer reads, itself or by what it calls there."""
    function, seen = inspect.unwrap(function), set() if seen is None else seen
    if not isinstance(function, FunctionType) or not function.__module__.startswith(("api.web", __name__)):
        return set()
    if function in seen:
        return set()
    seen.add(function)
    codes = [function.__code__]
    names: set[str] = set()
    found: set[str] = set()
    for code in codes:
        names |= set(code.co_names)
        constants = [constant for constant in code.co_consts if isinstance(constant, str)]
        if {"request", "headers"} <= set(code.co_names):
            found |= ALL & set(constants)
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    for name in names:
        value = function.__globals__.get(name)
        places = [getattr(value, inner, None) for inner in names] if isinstance(value, ModuleType) else [value]
        for place in places:
            found |= headers_read(place, seen)
    return found


def _below() -> str:
    return request.headers.get("Prefer", "")


def test_the_search_finds_what_is_read_below() -> None:
    def view() -> list[str]:
        return [_below() for _ in (1, 2)]

    assert headers_read(view) == headers_read(_below) == {"Prefer"}


def test_every_header_that_is_read_is_known() -> None:
    read = {name for path in WEB.rglob("*.py") for name in READ.findall(path.read_text())}
    assert read - EVERYWHERE - ALL == set()


def test_every_operation_names_the_headers_that_it_reads(app: Flask) -> None:
    document = openapi(app)
    wrong = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation is None:
                continue
            told = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
            told |= {"Accept"} if ACCEPT in operation["description"] else set()
            read = headers_read(app.view_functions[rule.endpoint])
            if told != read:
                wrong.append(f"{method} {rule.rule} tells of {sorted(told)} and reads {sorted(read)}")
    assert not wrong, "\n".join(wrong)


def test_there_are_such_operations(app: Flask) -> None:
    sending = openapi(app)["paths"]["/chats/{id}/messages"]["post"]
    assert {one["name"] for one in sending["parameters"]} >= {"Prefer", "Idempotency-Key"}
    completing = openapi(app)["paths"]["/v1/chat/completions"]["post"]
    assert {one["name"] for one in completing["parameters"]} == {"Idempotency-Key", "X-Parley-Chat"}
