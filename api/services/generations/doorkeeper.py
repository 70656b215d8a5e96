"""The thread that shows readers out: whoever was signed out, or disabled, reads nothing a second later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from api.domain.principal import Principal
from api.services.generations.follower import Follower
from api.services.housekeeping import Rounds
from api.streams.loop import LoopThread

LOOK_SECONDS = 0.4
StillGood = Callable[[set[UUID], set[UUID]], tuple[set[UUID], set[UUID]]]
"""Of session ids and API key ids, those that still count."""


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A request that waits for a call of its own: what is done when its sender may no longer read, and when somebody
    has asked for the call's end. Both are called in the doorkeeper's thread, and again with each look."""

    generation_id: UUID
    principal: Principal
    revoked: Callable[[], None]
    stopped: Callable[[], None]


class Doorkeeper:
    """One query a look for all open streams' credentials. A thread of its own: housekeeping may take its time.
    `stops` tells of callers those whose call is to end."""

    def __init__(
        self,
        *,
        loop: LoopThread,
        followers: Callable[[], Collection[Follower]],
        callers: Callable[[], Iterable[Caller]],
        still_good: StillGood,
        stops: Callable[[Collection[Caller]], set[UUID]],
    ) -> None:
        self._loop = loop
        self._followers = followers
        self._callers = callers
        self._still_good = still_good
        self._stops = stops
        self._rounds = Rounds("doorkeeper", LOOK_SECONDS, (self._look,))

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        self._rounds.stop()

    def _look(self) -> None:
        """Readers whose session, key or account no longer counts are cut; the run goes on."""
        followers, callers = tuple(self._followers()), tuple(self._callers())
        if not followers and not callers:
            return
        stops = self._stops(callers) if callers else set()  # before the rest: who is disabled hears that first
        people = [*(one.principal for one in followers), *(one.principal for one in callers)]
        sessions = {who.session_id for who in people if who.session_id}
        keys = {who.api_key_id for who in people if who.api_key_id}
        good_sessions, good_keys = self._still_good(sessions, keys)

        def out(who: Principal) -> bool:
            lost = who.session_id and who.session_id not in good_sessions
            return bool(lost or (who.api_key_id and who.api_key_id not in good_keys))

        for follower in followers:
            if out(follower.principal):
                self._loop.call(follower.revoked)
        for caller in callers:
            if out(caller.principal):
                caller.revoked()
            if caller.generation_id in stops:
                caller.stopped()
