"""One can read it in an afternoon: small files, small functions, very small routes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.files import name, python_files

FILE_LINES = 400
FUNCTION_LINES = 60
ROUTE_LINES = 15
METHODS = {"get", "post", "put", "patch", "delete", "route"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def lines(function: Function) -> int:
    """From `def` to the last line; decorators and the docstring, which routes show to API users, are not counted."""
    documented = isinstance(function.body[0], ast.Expr) and ast.get_docstring(function) is not None
    docstring = function.body[0] if documented else None
    counted = (function.end_lineno or function.lineno) - function.lineno + 1
    return counted - ((docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0)


def is_route(function: Function) -> bool:
    calls = [decorator.func for decorator in function.decorator_list if isinstance(decorator, ast.Call)]
    return any(isinstance(call, ast.Attribute) and call.attr in METHODS for call in calls)


def longer_than(limit: int, paths: list[Path], *, routes_only: bool = False) -> list[str]:
    return [
        f"{name(path)}:{function.lineno} {function.name}: {lines(function)} lines, at most {limit}"
        for path in paths
        for function in functions(path)
        if lines(function) > limit and (is_route(function) or not routes_only)
    ]


def test_files() -> None:
    sizes = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files("api", "ui", "deploy", "bench", "tests")
    }
    assert len(sizes) > 20
    found = [f"{name(path)}: {size} lines, at most {FILE_LINES}" for path, size in sizes.items() if size > FILE_LINES]
    assert not found, "\n".join(found)


def test_functions() -> None:
    found = longer_than(FUNCTION_LINES, python_files("api", "ui", "deploy"))
    assert not found, "\n".join(found)


def test_routes() -> None:
    paths = python_files("api/web/routes", "api/web/dialects")
    found = longer_than(ROUTE_LINES, paths, routes_only=True)
    assert not found, "a route parses, calls one service, presents, returns:\n" + "\n".join(found)


def test_routes_are_recognised() -> None:
    every = [function for path in python_files("api/web/routes") for function in functions(path)]
    assert any(is_route(function) for function in every)


def test_lines_are_counted_without_decorators_and_docstring() -> None:
    text = '@routes.get("/")\n@other\ndef index():\n    """One\n\n    two."""\n    first = 1\n    return first\n'
    (function,) = (node for node in ast.walk(ast.parse(text)) if isinstance(node, Function))
    assert is_route(function)
    assert lines(function) == 3
