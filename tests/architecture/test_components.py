"""Two shapes of one name would overwrite each other in the OpenAPI document, without a word: names are unique."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_openapi3.utils import get_model_schema, normalize_name
from pydantic import BaseModel, create_model

from api.app import create_app
from api.config import Settings
from api.web.openapi import Access, Routes, document, make_app
from tests.conftest import SECRETS


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("components")
    values: dict[str, Any] = {"data_dir": folder, "database_url": f"sqlite:///{folder}/parley.db", **SECRETS}
    app = create_app(Settings(**values))
    yield app
    app.extensions["parley_close"]()


def schemas_of(view: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a route puts into the document's components: its body, its answers, and what is inside of those and of its
    parameters."""
    hints = typing.get_type_hints(inspect.unwrap(view))
    taken = [(shape, "validation") for name, shape in hints.items() if name != "return"]
    parameters = [hints[name] for name in ("path", "query", "header", "cookie") if name in hints]
    answered = [(shape, "serialization") for shape in getattr(view, "returns", {}).values()]
    for shape, mode in taken + answered:
        if inspect.isclass(shape) and issubclass(shape, BaseModel):
            schema = get_model_schema(shape, mode=mode)  # type: ignore[arg-type]
            if shape not in parameters:
                yield normalize_name(schema.get("title") or shape.__name__), schema
            yield from ((normalize_name(name), inner) for name, inner in schema.get("$defs", {}).items())


def twins(app: Flask) -> dict[str, list[str]]:
    """Names of several different schemas → the routes that use one of them."""
    found: dict[str, dict[str, list[str]]] = {}
    for rule in app.url_map.iter_rules():
        for name, schema in schemas_of(app.view_functions[rule.endpoint]):
            alone = {key: value for key, value in schema.items() if key != "$defs"}
            found.setdefault(name, {}).setdefault(json.dumps(alone, sort_keys=True), []).append(rule.rule)
    return {name: sum(by_schema.values(), []) for name, by_schema in found.items() if len(by_schema) > 1}


def test_every_shape_has_a_name_of_its_own(app: Flask) -> None:
    assert twins(app) == {}
    assert {"NewMessage", "SentAnswer", "MessageAnswer", "CompletionBody"} <= document(app)["components"][
        "schemas"
    ].keys()


def test_two_of_one_name_are_found() -> None:
    def shape(**fields: Any) -> type[BaseModel]:
        return create_model("Twin", **fields)

    routes = Routes("twins", "Two shapes of one name")
    for path, inner in (("/one", shape(a=(int, ...))), ("/two", shape(b=(str, ...)))):
        outer = create_model(f"Outer{path[1:]}", twin=(inner, ...))
        routes.get(path, summary=path, access=Access.PUBLIC, returns={200: outer})(
            types.FunctionType(_view.__code__, {}, path[1:])
        )
    app = make_app("1")
    app.register_api(routes)
    assert twins(app) == {"Twin": ["/one", "/two"]}


def _view() -> str:
    return ""
