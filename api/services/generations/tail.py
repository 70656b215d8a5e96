"""Replies that run in other processes, mirrored for the readers here from their event rows.

One thread a process: it wakes when another process says that it has stored something (PostgreSQL), or polls.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from uuid import UUID

import structlog

from api.domain.errors import StoreUnavailable
from api.domain.generations import Generation
from api.repositories.unit_of_work import Store
from api.services.generations.replay import replayed
from api.streams.flusher import PATIENCE
from api.streams.live_log import Event, LiveLog
from api.streams.loop import LoopThread

log = structlog.get_logger()


@dataclass(slots=True)
class _Mirror:
    user_id: UUID
    generation_id: UUID
    log: LiveLog
    readers: int = 0
    row: int = 1  # the first number of the last row seen
    last: int = 0  # the last number handed to the loop


class Tail:
    """`poll_seconds` is the longest that an event rests unseen when no word of it came.

    While the database is away for longer than `patience`, readers are cut: who comes again is told why, and when to.
    """

    def __init__(self, store: Store, loop: LoopThread, poll_seconds: float, patience: float = PATIENCE) -> None:
        self._store = store
        self._loop = loop
        self._poll_seconds = poll_seconds
        self._patience = patience
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

    def release(self, log_: LiveLog) -> None:
        """One reader less of the mirror that `open` gave; there may be a newer one of the same generation."""
        with self._lock:
            for mirror in self._mirrors.values():
                if mirror.log is log_:
                    mirror.readers -= 1
                    if mirror.readers <= 0:
                        del self._mirrors[mirror.generation_id]
                    return

    def _run(self) -> None:
        away_since: float | None = None
        while not self._stopping:
            self._wake.wait(self._poll_seconds if self._mirrors else None)
            self._wake.clear()
            try:
                self._catch_up()
                away_since = None
            except StoreUnavailable:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since >= self._patience:
                    self._cut()
                self._wake.wait(self._poll_seconds)
            except Exception:
                log.exception("following another process failed; it goes on")
                self._wake.wait(self._poll_seconds)

    def _cut(self) -> None:
        with self._lock:
            mirrors = list(self._mirrors.values())
        for mirror in mirrors:
            self._extend(mirror, [], close=True)
            self._drop(mirror)

    def _catch_up(self) -> None:
        with self._lock:
            mirrors = dict(self._mirrors)
        if not mirrors:
            return
        keys = [(mirror.user_id, mirror.generation_id) for mirror in mirrors.values()]
        states = {state.id: state for state in self._store.read(lambda work: work.generations.states(keys))}
        for generation_id, mirror in mirrors.items():
            state = states.get(generation_id)
            if state is None:  # deleted with its account
                self._extend(mirror, [], close=True)
                self._drop(mirror)
            elif not state.active:
                self._finish(mirror, state)
        self._take_rows([mirrors[state.id] for state in states.values() if state.active])

    def _take_rows(self, running: list[_Mirror]) -> None:
        by_id = {mirror.generation_id: mirror for mirror in running}
        places = [(mirror.user_id, mirror.generation_id, mirror.row, mirror.last) for mirror in running]
        for part in self._store.read(lambda work: work.generation_events.after(places)):
            mirror = by_id[part.generation_id]
            seen = mirror.last + 1 - part.first_seq
            if 0 <= seen < len(part.events):
                mirror.row = part.first_seq
                self._extend(mirror, list(part.events[seen:]))

    def _extend(self, mirror: _Mirror, events: list[Event], *, close: bool = False) -> None:
        mirror.last += len(events)
        self._loop.call(lambda: mirror.log.extend(events, close=close))

    def _finish(self, mirror: _Mirror, state: Generation) -> None:
        message_id = state.message_id
        message = (
            self._store.read(lambda work: work.messages.get_owned(message_id, state.user_id)) if message_id else None
        )
        self._extend(mirror, replayed(state, message)[mirror.last :], close=True)
        self._drop(mirror)

    def _drop(self, mirror: _Mirror) -> None:
        with self._lock:
            if self._mirrors.get(mirror.generation_id) is mirror:
                del self._mirrors[mirror.generation_id]
