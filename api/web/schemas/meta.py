"""What the server says about itself."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Surface(BaseModel):
    name: str
    about: str
    endpoints: list[str]


class Index(BaseModel):
    name: str
    version: str
    links: dict[str, str]
    surfaces: list[Surface]


class Health(BaseModel):
    status: Literal["ok", "stuck"]
    reason: str | None = None


class Readiness(BaseModel):
    status: Literal["ready", "not ready"]
    reasons: list[str]
