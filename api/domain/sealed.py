"""What only a reply's own provider can read, such as signed thoughts: kept with the message, given back with the next
turn, and shown to nobody.

A reply that called tools keeps none of it: that belongs to calls whose results no chat holds. Nor does one that went on
after a break: its text is not what was signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from api.domain.events import ProviderPart

TYPE: Final = "provider"
MOST_CHARS: Final = 200_000
"""Of one reply. Beyond that nothing is kept: a provider refuses a part of what it signed."""


def stored(parts: Sequence[ProviderPart], events: Iterable[tuple[str, Any]] = ()) -> list[Any] | None:
    """As a message keeps it, whose reply had these events."""
    if (
        not parts
        or any(kind == "tool_call" for kind, _ in events)
        or sum(len(part.data) for part in parts) > MOST_CHARS
    ):
        return None
    return [{"type": TYPE, "wire": part.wire, "model": part.model, "data": part.data} for part in parts]


def given_back(parts: Iterable[Any] | None) -> tuple[ProviderPart, ...]:
    """What goes to the provider again; a wire takes its own, of the same model, and leaves the rest."""
    return tuple(
        ProviderPart(str(part.get("wire")), str(part.get("model")), str(part.get("data")))
        for part in parts or ()
        if _is_sealed(part)
    )


def unsealed(parts: Iterable[Any] | None) -> list[Any] | None:
    """The parts that people may see, and that may leave with an export."""
    return [part for part in parts or () if not _is_sealed(part)] or None


def _is_sealed(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == TYPE
