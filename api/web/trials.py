"""A model config tried out: the events of its one tiny call, made into one answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from api.domain.errors import AppError, ContentFiltered, Overloaded
from api.services.completions import Begun
from api.services.images import Tried

ENDINGS: Mapping[str, AppError] = {
    "filtered": ContentFiltered("The provider's filter refused a greeting. Try another model."),
    "interrupted": Overloaded("The server is restarting; try again in a few seconds."),
    "stopped": Overloaded("The call was stopped; try again."),
}
SHOWN = ("code", "title", "detail", "status", "retry_after")


def trial_value(tried: Tried) -> dict[str, Any]:
    """The answer for a config that was tried out without a conversation: it has no first token."""
    return {
        "ok": tried.error is None,
        "provider": tried.provider,
        "model": tried.model,
        "latency_ms": tried.latency_ms,
        "first_token_ms": None,
        "error": _shown(tried.error.problem() if tried.error else None),
    }


def _shown(problem: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if problem is None:
        return None
    return {"retry_after": None} | {name: problem[name] for name in SHOWN if name in problem}


class Trial:
    """Collects the call's events; at its end says whether it went well, or why not, and how long it took."""

    def __init__(self, begun: Begun) -> None:
        self._begun = begun
        self._at = time.monotonic()
        self._first: int | None = None

    def __call__(self, events: Iterable[tuple[int, str, Any]]) -> bytes:
        for _, kind, value in events:
            if kind in ("delta", "reasoning") and self._first is None:
                self._first = self._elapsed()
            elif kind == "finished":
                ending = ENDINGS.get(value["status"])
                return self._told(ending.problem() if ending else None)
            elif kind == "error":
                return self._told(value)
        return b""

    def _told(self, problem: Mapping[str, Any] | None) -> bytes:
        return msgspec.json.encode(
            {
                "ok": problem is None,
                "provider": self._begun.provider,
                "model": self._begun.model,
                "latency_ms": self._elapsed(),
                "first_token_ms": self._first,
                "error": _shown(problem),
            }
        )

    def _elapsed(self) -> int:
        return round((time.monotonic() - self._at) * 1000)
