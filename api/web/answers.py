"""Presenting: domain values become JSON in the documented shape, encoded once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from flask import Response
from pydantic import BaseModel


def pick(shape: type[BaseModel], value: object, **more: Any) -> dict[str, Any]:
    """The fields of `value` that `shape` documents, and no other; `more` are those that it does not hold itself."""
    return {name: more[name] if name in more else getattr(value, name) for name in shape.model_fields}


def answer(content: Any, status: int = 200) -> Response:
    """`content` as JSON: dataclasses, UUIDs, aware times and Decimals are understood."""
    return Response(msgspec.json.encode(content), status, content_type="application/json")


def answer_list(shape: type[BaseModel], values: Iterable[object]) -> Response:
    """`{"items": [...]}`"""
    return answer({"items": [pick(shape, value) for value in values]})


def no_content() -> Response:
    response = Response(status=204)
    response.headers.pop("Content-Type", None)
    return response
