"""The APIs of other systems that this server speaks: which paths are whose, and how each tells of errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ErrorForm = Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]]
"""A problem's status and body as one surface's clients read them."""


@dataclass(frozen=True, slots=True)
class Surface:
    """`name` is what ledger and limits call it. Its paths begin with one of `prefixes`, and not with `besides`."""

    name: str
    about: str
    prefixes: tuple[str, ...]
    error_form: ErrorForm
    besides: str | None = None

    def has(self, path: str) -> bool:
        return path.startswith(self.prefixes) and not (self.besides and path.startswith(self.besides))


def surface_of(surfaces: Iterable[Surface], path: str) -> Surface | None:
    """Whose path that is, the first that has it; None for one of our own."""
    return next((one for one in surfaces if one.has(path)), None)
