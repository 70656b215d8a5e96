"""Replies that run in other processes, mirrored for the readers here from their event rows.

One thread a process: it wakes when another process says that it has stored something (PostgreSQL), or polls.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import structlog

from api.domain.errors import StoreUnavailable
from api.domain.generations import Generation
from api.repositories.generation_events import EventsRange
from api.repositories.unit_of_work import Store
from api.services.generations.replay import replayed
from api.streams.live_log import Event, LiveLog
from api.streams.loop import LoopThread

log = structlog.get_logger()


@dataclass(slots=True)
class _Mirror:
    user_id: UUID
    generation_id: UUID
    log: LiveLog
    readers: int = 0
    last: int = 0  # the last number handed to the loop


class Tail:
    """`poll_seconds` is the longest that an event rests unseen when no word of it came."""

    def __init__(self, store: Store, loop: LoopThread, poll_seconds: float) -> None:
        self._store = store
        self._loop = loop
        self._poll_seconds = poll_seconds
        self._mirrors: dict[UUID, _Mirror] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)

    def start(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def announced(self) -> None:
        """Another process has stored something."""
        self._wake.set()

    def open(self, generation: Generation) -> LiveLog:
        """The mirror of a running generation; each `open` is paired with a `release`."""
        with self._lock:
            mirror = self._mirrors.get(generation.id)
            if mirror is None:
                mirror = _Mirror(generation.user_id, generation.id, LiveLog())
                self._mirrors[generation.id] = mirror
            mirror.readers += 1
        self._wake.set()
        return mirror.log

    def release(self, generation_id: UUID) -> None:
        with self._lock:
            mirror = self._mirrors.get(generation_id)
            if mirror is not None:
                mirror.readers -= 1
                if mirror.readers <= 0:
                    del self._mirrors[generation_id]

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._poll_seconds if self._mirrors else None)
            self._wake.clear()
            try:
                self._catch_up()
            except StoreUnavailable:
                self._wake.wait(self._poll_seconds)
            except Exception:
                log.exception("following another process failed; it goes on")
                self._wake.wait(self._poll_seconds)

    def _catch_up(self) -> None:
        with self._lock:
            mirrors = dict(self._mirrors)
        if not mirrors:
            return
        keys = [(mirror.user_id, mirror.generation_id) for mirror in mirrors.values()]
        # states first: what is stored before an end is then sure to be read below
        ended = [state for state in self._store.read(lambda work: work.generations.states(keys)) if not state.active]
        self._take_rows(mirrors, {state.id for state in ended})
        for state in ended:
            self._finish(mirrors[state.id], state)

    def _take_rows(self, mirrors: dict[UUID, _Mirror], ended: set[UUID]) -> None:
        places = [
            (mirror.user_id, mirror.generation_id, mirror.last)
            for mirror in mirrors.values()
            if mirror.generation_id not in ended
        ]
        for part in self._in_order(self._store.read(lambda work: work.generation_events.after(places))):
            mirror = mirrors[part.generation_id]
            if part.first_seq == mirror.last + 1:
                self._extend(mirror, list(part.events))

    @staticmethod
    def _in_order(parts: Iterable[EventsRange]) -> list[EventsRange]:
        return sorted(parts, key=lambda part: (part.generation_id, part.first_seq))

    def _extend(self, mirror: _Mirror, events: list[Event], *, close: bool = False) -> None:
        mirror.last += len(events)
        self._loop.call(lambda: mirror.log.extend(events, close=close))

    def _finish(self, mirror: _Mirror, state: Generation) -> None:
        message_id = state.message_id
        message = (
            self._store.read(lambda work: work.messages.get_owned(message_id, state.user_id)) if message_id else None
        )
        self._extend(mirror, replayed(state, message)[mirror.last :], close=True)
        with self._lock:
            self._mirrors.pop(mirror.generation_id, None)
