"""A row of the route table, the form in which its surface tells of errors, and an account that asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from api.web.openapi import Access
from tests.conftest import SECRETS

REQUEST_ID = "0123456789abcdef"
OLDER = ("/api/", "/llm/", "/slack/command")  # surfaces of other systems: 422 is 400, and an error is a text
NEVER_403 = re.compile(r"/api/(login|models|sessions|roles|health|chat/completions)(/|$)")  # 409 in its place
FASTAPI = re.compile(r"/(chat(/|$)|system-prompt)")  # where an error is a `detail`


@dataclass(frozen=True)
class Route:
    method: str
    rule: str
    access: Access

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def surface(self) -> str:
        """Whose form its errors have."""
        if self.rule.startswith("/v1/") and not self.rule.startswith("/v1/providers/"):
            return "openai"
        if FASTAPI.match(self.rule):
            return "fastapi"
        return "older" if self.rule.startswith(OLDER) else "native"

    @property
    def forbids(self) -> int:
        """The status of what may not be done."""
        return 409 if NEVER_403.match(self.rule) else 403

    def path(self, value: str) -> str:
        return re.sub(r"<[^>]+>", value, self.rule)


def problem(route: Route, answer: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    """The answer's error, in the form of its path."""
    if route.surface == "fastapi":
        assert answer.status_code == status, f"{route}: {answer.text}"
        assert answer.content_type == "application/json", route
        assert list(answer.get_json()) == ["detail"], route
        assert isinstance(answer.get_json()["detail"], str), route
        return dict(answer.get_json())
    if route.surface == "older":
        assert answer.status_code == (400 if status == 422 else status), f"{route}: {answer.text}"
        assert answer.content_type == "application/json", route
        assert list(answer.get_json()) == ["error"], route
        assert isinstance(answer.get_json()["error"], str), route
        return dict(answer.get_json())
    if route.surface == "openai":
        assert answer.status_code == (400 if status == 422 else status), f"{route}: {answer.text}"
        assert answer.content_type == "application/json", route
        error: dict[str, Any] = answer.get_json()["error"]
        assert set(error) == {"message", "type", "param", "code"}, route
    else:
        assert answer.status_code == status, f"{route}: {answer.text}"
        assert answer.content_type == "application/problem+json", route
        error = answer.get_json()
        assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(error), route
        assert error["status"] == status
    assert code is None or error["code"] == code, route
    return error


class Account:
    """Somebody who is signed in."""

    def __init__(self, app: Flask, name: str) -> None:
        self.client = app.test_client()
        person = {"email": f"{name}@example.org", "username": name, "password": "correct horse battery"}
        assert self.client.post("/auth/register", json=person).status_code == 201
        answer = self.client.post("/auth/login", json={"username": name, "password": "correct horse battery"})
        self.headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = self.headers | {"X-Page-Secret": SECRETS["page_secret"], "X-Request-ID": REQUEST_ID}
        return self.client.open(path, method=method, headers=headers | options.pop("headers", {}), **options)

    def made(self, path: str, values: object, *where: str) -> str:
        answer = self.ask("POST", path, json=values, headers={"Prefer": "respond-async"})
        assert answer.status_code in (201, 202), answer.text
        found = answer.get_json()
        for name in where or ("id",):
            found = found[name]
        return str(found)

    def key(self, *scopes: str) -> dict[str, str]:
        text = self.made("/api-keys", {"name": "test", "scopes": list(scopes)}, "key")
        return {"Authorization": f"Bearer {text}"}


def example(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """The smallest value of a schema."""
    schema = _resolved(schema, document)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], document)
    if r"\d" in schema.get("pattern", ""):
        return "1"
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: example(schema["properties"][name], document) for name in schema.get("required", ())}
    if schema.get("type") == "array":
        return [example(schema["items"], document)] * schema.get("minItems", 1)
    return {"boolean": False, "integer": 1, "number": 1.0}.get(schema.get("type", ""), "hello@example.org")


def fields_of(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, str]:
    """The fields of an operation's JSON body, and their types."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return {name: _type(field, document) for name, field in _resolved(schema, document).get("properties", {}).items()}


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    found = schema
    if "$ref" in schema:
        found = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _type(schema: dict[str, Any], document: dict[str, Any]) -> str:
    first = _resolved(schema.get("anyOf", [schema])[0], document)
    return str(first.get("type", ""))
