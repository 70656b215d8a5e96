"""The headers that routes read, as the OpenAPI document tells of them."""

from __future__ import annotations

from typing import Any, Final

ONCE: Final = ("Idempotency-Key",)
SENDING: Final = ("Accept", "Prefer", "Idempotency-Key")
RESUMING: Final = ("Last-Event-ID",)
COMPLETING: Final = ("Idempotency-Key", "X-Parley-Chat")

PARAMETERS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        "A request that is repeated with its key within 24 hours does nothing twice: it is answered as the first was, "
        "or, where answers are not kept, with 409. With another body: 422.",
    ),
    "Prefer": (
        {"type": "string", "enum": ["respond-async"]},
        "`respond-async` answers 202 at once, and says where the reply's events are.",
    ),
    "Last-Event-ID": (
        {"type": "string", "maxLength": 100},
        "The id of the last event that arrived; those after it follow. It stands above the query's `after`.",
    ),
    "X-Parley-Chat": (
        {"type": "string", "minLength": 1, "maxLength": 200},
        "The id or slug of a chat: the turn is stored in it. Where none has that slug, one is made.",
    ),
}
ACCEPT: Final = (
    "`Accept: text/event-stream` is answered with events while the reply comes; anything else with JSON at its end."
)
"""In words: the specification has no parameters of this name."""


def describe(operation: dict[str, Any], reads: tuple[str, ...]) -> None:
    """Add the headers that an operation reads to its description."""
    for name in reads:
        if name == "Accept":
            operation["description"] += f" {ACCEPT}"
            continue
        schema, about = PARAMETERS[name]
        told = {"name": name, "in": "header", "required": False, "description": about, "schema": schema}
        operation.setdefault("parameters", []).append(told)
