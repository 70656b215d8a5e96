"""Models that an Ollama is told to fetch: one download at a time for each, told to everybody who asks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import UUID

import structlog

from api.domain.errors import AppError, Invalid, NotFound, Overloaded
from api.domain.principal import Principal
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue
from api.providers.control import Control, PullProgress
from api.repositories.unit_of_work import Store
from api.services.choice import NO_CONFIG
from api.services.generations import Follower, GenerationService
from api.services.model_configs import ModelConfigService
from api.services.offers import Offers
from api.streams.live_log import Event, LiveLog
from api.streams.loop import LoopThread

log = structlog.get_logger()
MOST = 4
PROGRESS_SECONDS = 1.0


class PullService:
    """A download goes on whether or not anybody reads how far it is."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        control: Control,
        configs: ModelConfigService,
        offers: Offers,
        generations: GenerationService,
        loop: LoopThread,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._control = control
        self._configs = configs
        self._offers = offers
        self._generations = generations
        self._loop = loop
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str], LiveLog] = {}

    def pull(self, principal: Principal, model: str, config_id: UUID | None = None) -> Follower:
        """Begin the download, or join the one that runs; its events from the first on.

        The Ollama is the operator's, or that of a config. Raises NotFound, Invalid, KeyUnreadable, Overloaded.
        """
        endpoint = self._endpoint(principal, config_id)
        key = (endpoint.base_url, model)
        with self._lock:
            events = self._running.get(key)
            if events is None:
                if len(self._running) >= MOST or self._generations.draining:
                    raise Overloaded(
                        "Enough models are being fetched already; try again when one is here.", retry_after=30
                    )
                events = self._running[key] = LiveLog()
                threading.Thread(target=self._carry, args=(key, endpoint, events), name="pull", daemon=True).start()
        return self._generations.reader(principal, events)

    def _endpoint(self, principal: Principal, config_id: UUID | None) -> Endpoint:
        vendor = self._catalogue.vendor("ollama")
        assert vendor is not None
        if config_id is None:
            return self._configs.endpoint(None, vendor)
        config = self._store.read(lambda work: work.model_configs.get_usable(config_id, principal.user_id))
        if config is None:
            raise NotFound(NO_CONFIG)
        if config.provider != vendor.id:
            raise Invalid("That model config is not one of an Ollama; only an Ollama fetches models.")
        return self._configs.endpoint(config, vendor)

    def _carry(self, key: tuple[str, str], endpoint: Endpoint, events: LiveLog) -> None:
        end: Event = ("finished", {"status": "complete", "model": key[1]})
        try:
            self._follow(endpoint, key[1], lambda step: self._tell(events, ("progress", _shown(step))))
        except AppError as error:
            end = ("error", error.problem())
        except Exception:
            log.exception("a download failed", model=key[1])
            end = ("error", AppError("The download failed. Try it again; what has arrived is kept.").problem())
        with self._lock:
            del self._running[key]
        self._offers.forget(endpoint.provider)
        self._tell(events, end, close=True)

    def _follow(self, endpoint: Endpoint, model: str, tell: Callable[[PullProgress], None]) -> None:
        """Tells each new step at once, and of one step not more than a word a second. Raises AppError."""
        told, last = 0.0, PullProgress("")
        with closing(self._control.pull(endpoint, model)) as steps:
            for step in steps:
                if self._generations.draining:
                    raise Overloaded("The server is restarting; ask for the model again, what has arrived is kept.")
                now = time.monotonic()
                fresh = (step.status, step.digest) != (last.status, last.digest)
                if fresh or now - told >= PROGRESS_SECONDS or (step.total and step.completed == step.total):
                    tell(step)
                    told = now
                last = step

    def _tell(self, events: LiveLog, event: Event, *, close: bool = False) -> None:
        if self._loop.running:
            self._loop.call(lambda: events.extend([event], close=close))


def _shown(step: PullProgress) -> dict[str, Any]:
    return {"status": step.status, "digest": step.digest, "total": step.total, "completed": step.completed}
