"""The thread that shows readers out: whoever was signed out, or disabled, reads nothing a second later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from api.domain.errors import StoreUnavailable
from api.streams.loop import LoopThread

if TYPE_CHECKING:
    from api.services.generations.service import Follower

log = structlog.get_logger()
LOOK_SECONDS = 0.4
StillGood = Callable[[set[UUID], set[UUID]], tuple[set[UUID], set[UUID]]]
"""Of session ids and API key ids, those that still count."""


class Doorkeeper:
    """One query a look for all open streams' credentials. A thread of its own: housekeeping may take its time."""

    def __init__(
        self, *, loop: LoopThread, followers: Callable[[], Collection[Follower]], still_good: StillGood
    ) -> None:
        self._loop = loop
        self._followers = followers
        self._still_good = still_good
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doorkeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self._look()
            except StoreUnavailable:
                continue
            except Exception:
                log.exception("a look at the readers failed; the next one comes")

    def _look(self) -> None:
        """Readers whose session, key or account no longer counts are cut; the run goes on."""
        followers = tuple(self._followers())
        if not followers:
            return
        sessions = {one.principal.session_id for one in followers if one.principal.session_id}
        keys = {one.principal.api_key_id for one in followers if one.principal.api_key_id}
        good_sessions, good_keys = self._still_good(sessions, keys)
        for follower in followers:
            who = follower.principal
            if (who.session_id and who.session_id not in good_sessions) or (
                who.api_key_id and who.api_key_id not in good_keys
            ):
                self._loop.call(follower.revoked)
