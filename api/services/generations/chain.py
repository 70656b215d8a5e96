"""A run and what follows it as one log: for a reader who waits for the last one's end."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from api.domain.chats import Message
from api.services.generations.plan import Running
from api.streams.live_log import Cursor, Event, LiveLog


class Turned(NamedTuple):
    """The value of the event `turned`, which stands for the end of a run that another follows. All before it is the
    first one's, all after it the other's; `message` is that one's as it stood before."""

    finished: dict[str, Any]
    generation_id: UUID
    message: Message | None


class Chain:
    def __init__(self, first: Running) -> None:
        self.log = LiveLog()
        self._run = first
        self._cursor = Cursor(first.log)

    def begin(self) -> None:
        """In the loop's thread: take what is there, and from now on whatever comes."""
        self._run.log.subscribe(self._take)
        self._take()

    def release(self) -> None:
        """The reader has left."""
        self._run.log.unsubscribe(self._take)

    def _take(self) -> None:
        arrived: list[Event] = [(kind, value) for _, kind, value in self._cursor.take_all()]
        following = self._run.successor
        if following is not None and self._cursor.ended:
            arrived[-1] = ("turned", Turned(arrived[-1][1], following.id, following.plan.message))
            self.log.extend(arrived)
            self.release()
            self._run, self._cursor = following, Cursor(following.log)
            self.begin()
        elif arrived or self._cursor.ended:
            self.log.extend(arrived, close=self._cursor.ended)
