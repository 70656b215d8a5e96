"""The thread that looks after the rest: who may no longer read, which owners died, what may be forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from api.domain.errors import StoreUnavailable
from api.repositories.unit_of_work import Store
from api.services.generations.recovery import Recovery
from api.streams.loop import LoopThread

if TYPE_CHECKING:
    from api.services.generations.service import Follower

log = structlog.get_logger()
SWEEP_SECONDS = 1.0
PRUNE_SECONDS = 60.0
StillGood = Callable[[set[UUID], set[UUID]], tuple[set[UUID], set[UUID]]]
"""Of session ids and API key ids, those that still count."""


class Janitor:
    """Once a second: one query for all open streams' credentials, and a sweep."""

    def __init__(
        self,
        *,
        store: Store,
        loop: LoopThread,
        recovery: Recovery,
        followers: Callable[[], Collection[Follower]],
        still_good: StillGood,
        housekeeping: Callable[[], None],
    ) -> None:
        self._still_good = still_good
        self._store = store
        self._loop = loop
        self._recovery = recovery
        self._followers = followers
        self._housekeeping = housekeeping
        self._stopping = threading.Event()
        self._pruned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.wait(SWEEP_SECONDS):
            try:
                self._dismiss_revoked()
                self._recovery.sweep()
                self._housekeeping()
                if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
                    self._pruned_at = time.monotonic()
                    self._recovery.forget_gone()
            except StoreUnavailable:
                continue
            except Exception:
                log.exception("housekeeping failed; it goes on")

    def _dismiss_revoked(self) -> None:
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
