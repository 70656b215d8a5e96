"""What the server says about itself."""

from __future__ import annotations

from typing import Literal

from api.web.shapes import Shape


class Surface(Shape):
    name: str
    about: str
    endpoints: list[str]


class Index(Shape):
    name: str
    version: str
    links: dict[str, str]
    surfaces: list[Surface]


class Health(Shape):
    status: Literal["ok", "stuck"]
    reason: str | None = None


class Readiness(Shape):
    status: Literal["ready", "not ready"]
    reasons: list[str]
