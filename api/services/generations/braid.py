"""Several replies as one numbered log: for the reader of a comparison.

Each event is told as a Strand's: with its generation, and with the place in every reply, by which the reader resumes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from api.domain.errors import Invalid
from api.streams.live_log import Cursor, Event, LiveLog

SHORT = 8  # hexadecimal digits, from the random end of a UUID of version 7


class Braided(NamedTuple):
    """The value of an event in a braid. `places` is what the reader resumes from."""

    places: str
    generation_id: UUID
    value: Any


@dataclass(slots=True)
class Strand:
    """One reply of several. `release` is called when the reader leaves."""

    generation_id: UUID
    cursor: Cursor
    release: Callable[[], None] = field(default=lambda: None)


class Braid:
    def __init__(self, strands: Sequence[Strand]) -> None:
        self.log = LiveLog()
        self._strands = strands

    def begin(self) -> None:
        """In the loop's thread: take what is there, and from now on whatever comes."""
        for strand in self._strands:
            strand.cursor.log.subscribe(self._take)
        self._take()

    def release(self) -> None:
        """The reader has left."""
        for strand in self._strands:
            strand.cursor.log.unsubscribe(self._take)
            strand.release()

    def _take(self) -> None:
        arrived: list[Event] = []
        for strand in self._strands:
            for number, kind, value in strand.cursor.take_all():
                places = ",".join(
                    f"{short(other.generation_id)}:{number if other is strand else other.cursor.last}"
                    for other in self._strands
                )
                arrived.append((kind, Braided(places, strand.generation_id, value)))
        over = all(strand.cursor.ended for strand in self._strands)
        if arrived or over:
            self.log.extend(arrived, close=over)


def short(generation_id: UUID) -> str:
    """What a place in a braid calls a reply."""
    return generation_id.hex[-SHORT:]


def places_of(text: str, generation_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """Where a reader stands in each reply, from `<short>:<number>,…`. Raises Invalid for anything else."""
    known = {short(one): one for one in generation_ids}
    places = dict.fromkeys(generation_ids, 0)
    for part in text.split(","):
        name, colon, number = part.strip().partition(":")
        if not (colon and name in known and number.isascii() and number.isdigit() and len(number) < 10):
            raise Invalid("Last-Event-ID is that of the last event that arrived from this comparison.")
        places[known[name]] = int(number)
    return places
