"""Imports as JSON."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from pydantic import Field

from api.domain.imports import Outcome, RunState
from api.web.openapi import Parameters
from api.web.shapes import Shape


class ImportQuery(Parameters):
    after: int = Field(0, ge=0, le=2**31 - 1, description="The position of the last result already known.")
    limit: int = Field(100, ge=1, le=1000)


class ImportResultAnswer(Shape):
    """What became of one conversation; `messages` counts the new ones, `detail` says why it failed or what it lost."""

    position: int
    outcome: Outcome
    title: str
    source: str | None
    source_id: str | None
    chat_id: UUID | None
    messages: int
    detail: str | None


class ImportAnswer(Shape):
    """`done` of `size` bytes are read; the counts are of conversations."""

    id: UUID
    state: RunState
    size: int
    done: int
    added: int
    extended: int
    unchanged: int
    failed: int
    detail: str | None
    created_at: dt.datetime
    updated_at: dt.datetime


class SeenImportAnswer(ImportAnswer):
    results: list[ImportResultAnswer]
    more: bool = Field(description="Whether there are results behind these.")
