"""What providers were last heard to offer, kept in memory by user and provider: asked of by lists and by messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any
from uuid import UUID

from api.domain import model_facts
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import NOTHING, Facts
from api.providers.catalogue import Catalogue, Vendor
from api.providers.listings import ModelEntry
from api.services.fan_out import FanOut

KEPT_SECONDS = 300.0
FAILURE_KEPT_SECONDS = 15.0
MAX_KEPT = 500
Offer = dict[str, Facts]
"""A provider's models by name."""


class Offers:
    """Lists are kept five minutes a user and provider; of those who ask at the same time one does, the others wait."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._fan_out = FanOut("catalogue")
        self._lock = threading.Lock()
        self._kept: dict[tuple[Any, ...], tuple[float, Future[Offer]]] = {}
        self._loading: Future[None] | None = None

    def ask(
        self, user_id: UUID, vendor: Vendor, config: ModelConfig | None, list_models: Callable[[], list[ModelEntry]]
    ) -> Future[Offer]:
        """The list kept, or the one that `list_models` will bring, in a thread of its own."""
        key, now = _key(user_id, vendor, config), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and now < kept[0] and not _failed_long_ago(kept, now):
                return kept[1]
            if len(self._kept) > MAX_KEPT:
                self._drop_old(now)
            future = self._fan_out.submit(key[0], lambda: self._offer(vendor, list_models()))
            self._kept[key] = (now + KEPT_SECONDS, future)
            return future

    def facts(self, user_id: UUID, vendor: Vendor, config: ModelConfig | None, model: str) -> Facts:
        """What is known of a model here and now: from the list kept, else from our tables. Asks nobody, waits for
        nothing; the table that takes a while to load is loaded meanwhile, for the next time."""
        if model in (offer := self.last(user_id, vendor, config)):
            return offer[model]
        if self._loading is None and vendor.wire != "demo":
            self._loading = self._fan_out.submit(None, model_facts.load)
        return self.fitted(vendor, model_facts.known_at_once(vendor.id, model))

    def has(self, user_id: UUID, vendor: Vendor, config: ModelConfig | None, model: str) -> bool:
        """Whether that provider is known to have a model of this name; asks nobody."""
        offered = model in self.last(user_id, vendor, config)
        return offered or model_facts.known_at_once(vendor.id, model) != NOTHING

    def forget(self, provider: str) -> None:
        """The lists of this provider have changed."""
        with self._lock:
            for key in [key for key in self._kept if key[1] == provider]:
                del self._kept[key]

    def fitted(self, vendor: Vendor, facts: Facts) -> Facts:
        """A server that is told how much context to keep keeps no more than that, whatever the model could."""
        kept = self._catalogue.context_kept(vendor.id)
        if kept is None:
            return facts
        return replace(facts, context_window=min(kept, facts.context_window or kept))

    def close(self) -> None:
        """Nothing is asked any more."""
        self._fan_out.close()

    def _drop_old(self, now: float) -> None:
        fresh = {key: kept for key, kept in self._kept.items() if now < kept[0]}
        self._kept = fresh if len(fresh) <= MAX_KEPT else {}

    def _offer(self, vendor: Vendor, entries: list[ModelEntry]) -> Offer:
        rest = NOTHING if "chat" in vendor.abilities else Facts(abilities=vendor.abilities - {"models"})
        return {
            entry.id: self.fitted(vendor, entry.facts.over(model_facts.known(vendor.id, entry.id)).over(rest))
            for entry in entries
        }

    def last(self, user_id: UUID, vendor: Vendor, config: ModelConfig | None) -> Offer:
        """The list that is kept, however it came; empty where none is."""
        kept = self._kept.get(_key(user_id, vendor, config))
        known = kept is not None and kept[1].done() and not kept[1].exception()
        return kept[1].result() if kept is not None and known else {}


def _key(user_id: UUID, vendor: Vendor, config: ModelConfig | None) -> tuple[Any, ...]:
    return (user_id if config else None, vendor.id, config.id if config else None, config and config.updated_at)


def _failed_long_ago(kept: tuple[float, Future[Offer]], now: float) -> bool:
    until, future = kept
    asked_at = until - KEPT_SECONDS
    return now - asked_at > FAILURE_KEPT_SECONDS and future.done() and future.exception() is not None
