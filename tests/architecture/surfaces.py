"""A row of the route table, and the form in which its surface tells of errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from api.web.openapi import Access

OLDER = ("/api/", "/llm/")  # surfaces of other systems: 422 is 400, and an error is a text
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
