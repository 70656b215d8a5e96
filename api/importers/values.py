"""What foreign values are read into: storable text, moments, ids; each tolerant of types and strict about content."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.domain.text import clean_text

LEVELS: Final = 40
MOST_ID: Final = 200
EARLIEST: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST: Final = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
MILLISECONDS: Final = 1e11  # as seconds that is the year 5138


class Unreadable(Exception):
    """Why a conversation cannot be taken, in words for its owner."""


def text(value: Any) -> str:
    """A string as it can be stored; anything else is no text."""
    return clean_text(value) if isinstance(value, str) else ""


def line(value: Any, most: int) -> str | None:
    """A short text on one line, or None where there is none."""
    plain = " ".join(text(value).split())
    return plain[:most].rstrip() or None


def identifier(value: Any) -> str | None:
    """What names something in its source, or None."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:MOST_ID]
    found = text(value)
    return found if 0 < len(found) <= MOST_ID else None


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list; everything else in it is passed over."""
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def moment(value: Any) -> dt.datetime | None:
    """Seconds or milliseconds since 1970, or ISO 8601 (UTC where no zone is named); None for what is no time."""
    try:
        if isinstance(value, str):
            found = dt.datetime.fromisoformat(value.strip())
            found = found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = dt.datetime.fromtimestamp(value / 1000 if value > MILLISECONDS else value, dt.UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return found if EARLIEST < found < LATEST else None


def joined(texts: Iterable[str], between: str = "\n\n") -> str:
    return between.join(one for one in texts if one.strip())


def storable(value: Any, levels: int = LEVELS) -> Any:
    """JSON that both databases keep as it is. Raises Unreadable."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable("It holds a number that is larger than any.")
    if value is None or isinstance(value, bool | int | float):
        return value
    if levels == 0:
        raise Unreadable(f"Something in it is nested more than {LEVELS} levels deep.")
    if isinstance(value, dict):
        return {clean_text(str(name)): storable(one, levels - 1) for name, one in value.items()}
    return [storable(one, levels - 1) for one in value]


def imported(kind: str, value: Any) -> dict[str, Any]:
    """What has no place of its own here, kept as a part that says what it was."""
    try:
        return {"type": "imported", "name": kind[:100], "value": storable(value)}
    except Unreadable as error:
        return {"type": "imported", "name": kind[:100], "value": None, "text": str(error)}
