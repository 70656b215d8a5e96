"""A reader of a reply, as those who write to him, and those who show him out, see him."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from api.domain.principal import Principal
from api.streams.live_log import Cursor


class Follower:
    """One reader of one reply: a cursor, who reads, and what to do when he leaves."""

    __slots__ = ("_leave", "cursor", "generation_id", "principal", "revoked")

    def __init__(self, cursor: Cursor, generation_id: UUID, principal: Principal, leave: Callable[[Follower], None]):
        self.cursor = cursor
        self.generation_id = generation_id
        self.principal = principal
        self.revoked: Callable[[], None] = lambda: None  # set by whoever writes to the reader; called in the loop
        self._leave = leave

    def close(self) -> None:
        """The reader has left or has everything. Safe to call twice, from any thread; changes nothing of the run."""
        leave, self._leave = self._leave, lambda _: None
        leave(self)
