"""The one error a call can raise. What it means to a person is told by `ui.wording`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNREACHABLE = "api_unreachable"
BAD_ANSWER = "api_bad_answer"


@dataclass
class ApiError(Exception):
    """`status` 0 means that no answer came at all. `fields` are the problems told field by field."""

    status: int
    code: str
    detail: str = ""
    retry_after: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.detail}"

    @property
    def away(self) -> bool:
        """The API itself did not answer, or said that it cannot now; the same call may work later."""
        return self.status == 0 or self.code in {"store_unavailable", "overloaded"} or self.status in {502, 504}

    @property
    def refused(self) -> bool:
        """The API said no before it stored anything. After other errors it may be stored, or go through later."""
        return 400 <= self.status < 500 or self.code == "overloaded"


def from_problem(status: int, body: object, headers: Mapping[str, str]) -> ApiError:
    """An `application/problem+json` answer (or whatever a proxy put in its place) as an ApiError."""
    if not isinstance(body, dict):
        return ApiError(status, BAD_ANSWER, "The server's answer could not be read.", _seconds(headers))
    known = {"type", "title", "status", "detail", "instance", "code", "errors"}
    errors = body.get("errors")
    fields: dict[str, str] = {}
    for entry in errors if isinstance(errors, list) else []:
        if isinstance(entry, dict):
            name = str(entry.get("pointer", "")).lstrip("#").rsplit("/", 1)[-1]
            fields.setdefault(name, str(entry.get("detail", "")))
    return ApiError(
        status=status,
        code=str(body.get("code") or f"http_{status}"),
        detail=str(body.get("detail") or body.get("title") or ""),
        retry_after=_seconds(headers, body.get("retry_after")),
        extra={name: value for name, value in body.items() if name not in known},
        fields=fields,
    )


def unreachable(reason: str = "") -> ApiError:
    return ApiError(0, UNREACHABLE, reason or "The server did not answer.")


def _seconds(headers: Mapping[str, str], given: object = None) -> float | None:
    for text in (headers.get("Retry-After"), given):
        try:
            return max(0.0, float(str(text)))
        except ValueError:
            continue
    return None
