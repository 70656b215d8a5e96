"""The numbered events of one reply: its run appends, any number of readers follow, each at its own pace.

The only meeting point of producer and reader. Appended to in the loop's thread alone; read from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import structlog

log = structlog.get_logger()

Event = tuple[str, Any]
"""`(kind, value)`: text for `delta` and `reasoning`, an object for the others. Its number is its place, from 1."""

Wake = Callable[[], None]
ENDS = ("finished", "error")


class LiveLog:
    """Events from number 1 on, without gaps. `closed`: nothing will follow."""

    __slots__ = ("_lock", "_readers", "closed", "events")

    def __init__(self, events: list[Event] | None = None, *, closed: bool = False) -> None:
        self.events: list[Event] = events if events is not None else []
        self.closed = closed
        self._lock = threading.Lock()  # readers come and go in any thread
        self._readers: tuple[Wake, ...] = ()

    def extend(self, events: list[Event], *, close: bool = False) -> None:
        """Append and wake the readers once. In the loop's thread only."""
        if self.closed:
            return
        self.events.extend(events)
        self.closed = close
        for wake in self._readers:  # a tuple: whoever comes or goes meanwhile makes another
            try:
                wake()
            except Exception:  # one reader's fault is neither the run's nor another reader's
                self.unsubscribe(wake)
                log.exception("a reader failed and is left behind")

    def subscribe(self, wake: Wake) -> None:
        """`wake` is called in the loop's thread after each append; it must be quick and must not raise."""
        with self._lock:
            self._readers += (wake,)

    def unsubscribe(self, wake: Wake) -> None:
        with self._lock:
            self._readers = tuple(reader for reader in self._readers if reader != wake)

    @property
    def readers(self) -> int:
        return len(self._readers)

    @property
    def ended(self) -> bool:
        """Closed with the event that ends a reply; a run that was lost to another process is closed without."""
        return self.closed and bool(self.events) and self.events[-1][0] in ENDS


class Cursor:
    """One reader's place in a log. `last` is the number of the last event taken."""

    __slots__ = ("_ahead", "_beside_others", "_fresh", "last", "log")

    def __init__(self, log: LiveLog, after: int = 0, *, beside_others: bool = False) -> None:
        """`beside_others`: the end of this log is not the reader's, who need not hear it twice."""
        self.log = log
        self.last = after
        self._ahead = 0
        self._fresh = True  # nothing was taken yet
        self._beside_others = beside_others

    def take(self, most: int = 2000) -> list[tuple[int, str, Any]]:
        """The next events, numbered, at most `most`; empty when there is nothing new."""
        start = self._place()
        found = self.log.events[start : start + most]
        first = self.last + 1
        if found:
            self._fresh = False
        self.last += len(found)
        return [(number, kind, value) for number, (kind, value) in enumerate(found, first)]

    def take_all(self) -> list[tuple[int, str, Any]]:
        """All events that are there and not yet taken."""
        return self.take(len(self.log.events))

    @property
    def waiting(self) -> bool:
        """Whether everything that is there has been taken."""
        return self._place() >= len(self.log.events)

    def _place(self) -> int:
        # A reader may have seen more than a killed server had stored. Once the reply has ended he gets its end all
        # the same, under the number he waits for; otherwise he would be cut, come back, and be cut for ever.
        if self._fresh and self.log.ended:
            self._fresh = False
            beyond = max(0, self.last + 1 - len(self.log.events))
            self._ahead = 0 if self._beside_others and beyond == 1 else beyond
        return self.last - self._ahead

    @property
    def ended(self) -> bool:
        # `closed` is read first: an append between the two reads then shows as not yet ended
        return self.log.closed and self.waiting

    def __iter__(self) -> Iterator[tuple[int, str, Any]]:
        return iter(self.take())
