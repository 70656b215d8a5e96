"""The catalogue a user sees: every model that his configs, and the vendors that need none, offer now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.domain.errors import AppError, NotFound
from api.domain.model_configs import ModelConfig
from api.domain.principal import Principal
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue, Vendor
from api.providers.control import Control, ModelEntry
from api.repositories.unit_of_work import Store
from api.services.model_configs import ModelConfigService

DEADLINE_SECONDS = 4.0
KEPT_SECONDS = 300.0
FAILURE_KEPT_SECONDS = 15.0
MAX_KEPT = 2000
Source = tuple[Vendor, ModelConfig | None]


@dataclass(frozen=True, slots=True)
class Listing:
    """What one provider offers; `error` when it could not be asked."""

    vendor: Vendor
    models: list[str]
    error: AppError | None = None


class CatalogueService:
    """Lists are kept five minutes a user and provider; of parallel page loads one asks, the others wait for it."""

    def __init__(self, store: Store, catalogue: Catalogue, control: Control, configs: ModelConfigService) -> None:
        self._store = store
        self._catalogue = catalogue
        self._control = control
        self._configs = configs
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="catalogue")
        self._lock = threading.Lock()
        self._kept: dict[tuple[Any, ...], tuple[float, Future[list[ModelEntry]]]] = {}

    def models(self, principal: Principal) -> dict[str, Any]:
        """All models of all providers, and which providers are missing. One slow or broken provider delays nothing
        beyond the deadline and empties nothing but its own list."""
        sources = self._sources(principal)
        listings = self._listings(principal, sources)
        known = {listing.vendor.id for listing in listings}
        missing = [_provider(vendor) for vendor in self._catalogue.vendors() if vendor.id not in known]
        models = [entry for listing in listings for entry in _entries(listing)]
        return {
            "models": models,
            "configured_providers": [_provider(one.vendor, one.error) for one in listings],
            "missing_providers": missing,
            "message": _message(models, missing),
        }

    def provider_models(self, principal: Principal, provider: str) -> dict[str, Any]:
        """The models of one provider. Raises NotFound for an unknown vendor and what the provider itself said."""
        vendor = self._catalogue.vendor(provider)
        if vendor is None:
            raise NotFound("There is no such provider.")
        sources = [source for source in self._sources(principal) if source[0].id == vendor.id]
        listings = self._listings(principal, sources)
        failed = next((listing.error for listing in listings if listing.error), None)
        if failed is not None:
            raise failed
        models = [entry for listing in listings for entry in _entries(listing)]
        return {"provider": vendor.id, "models": models}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _sources(self, principal: Principal) -> list[Source]:
        """One source a vendor: the user's default or first config; vendors without a key need none."""
        configs = self._store.read(lambda work: work.model_configs.usable(principal.user_id))
        sources: list[Source] = []
        for vendor in self._catalogue.vendors():
            own = sorted((one for one in configs if one.provider == vendor.id), key=lambda one: not one.is_default)
            if own:
                sources.extend((vendor, config) for config in own)
            elif not vendor.needs_key and self._catalogue.base_url(vendor.id) is not None:
                sources.append((vendor, None))
        return sources

    def _listings(self, principal: Principal, sources: list[Source]) -> list[Listing]:
        limit = time.monotonic() + DEADLINE_SECONDS
        asked = [(vendor, config, self._ask(principal.user_id, vendor, config)) for vendor, config in sources]
        merged: dict[str, Listing] = {}
        for vendor, config, future in asked:
            listing = _settled(vendor, config, future, limit)
            earlier = merged.get(vendor.id)
            if earlier is not None:
                names = list(dict.fromkeys([*earlier.models, *listing.models]))
                listing = Listing(vendor, names, earlier.error or listing.error)
            merged[vendor.id] = listing
        # an Ollama that nobody set up and that does not run is absent, not broken
        silent = {vendor.id for vendor, config, _ in asked if config is None}
        return [one for one in merged.values() if not (one.error and one.vendor.id in silent)]

    def _ask(self, user_id: UUID, vendor: Vendor, config: ModelConfig | None) -> Future[list[ModelEntry]]:
        key = (user_id if config else None, vendor.id, config.id if config else None, config and config.updated_at)
        now = time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and now < kept[0] and not _failed_long_ago(kept, now):
                return kept[1]
            if len(self._kept) > MAX_KEPT:
                self._kept.clear()
            future = self._pool.submit(self._list, lambda: self._configs.endpoint(config, vendor))
            self._kept[key] = (now + KEPT_SECONDS, future)
            return future

    def _list(self, endpoint: Callable[[], Endpoint]) -> list[ModelEntry]:
        return self._control.list_models(endpoint(), DEADLINE_SECONDS)


def _failed_long_ago(kept: tuple[float, Future[list[ModelEntry]]], now: float) -> bool:
    until, future = kept
    asked_at = until - KEPT_SECONDS
    return now - asked_at > FAILURE_KEPT_SECONDS and future.done() and future.exception() is not None


def _settled(vendor: Vendor, config: ModelConfig | None, future: Future[list[ModelEntry]], limit: float) -> Listing:
    named = [config.model] if config is not None and config.model else []
    try:
        found = [entry.id for entry in future.result(max(0.0, limit - time.monotonic()))]
    except FutureTimeout:
        return Listing(vendor, named, AppError(f"{vendor.title} did not answer in time."))
    except AppError as error:
        return Listing(vendor, named, error)
    return Listing(vendor, list(dict.fromkeys([*named, *found])))


def _entries(listing: Listing) -> list[dict[str, Any]]:
    vendor = listing.vendor
    return [
        {
            "id": f"{vendor.id}/{name}",
            "provider": vendor.id,
            "name": name,
            "title": f"{vendor.title} · {name}",
            "context_window": None,
            "abilities": sorted(vendor.abilities),
            "prices": None,
        }
        for name in listing.models
    ]


def _provider(vendor: Vendor, error: AppError | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {"provider": vendor.id, "title": vendor.title, "needs_key": vendor.needs_key}
    if error is not None:
        shown["error"] = {"code": error.code, "detail": error.detail}
    return shown


def _message(models: list[dict[str, Any]], missing: list[dict[str, Any]]) -> str:
    if not missing:
        return f"{len(models)} models from all providers."
    titles = ", ".join(one["title"] for one in missing)
    return f"{len(models)} models. To use {titles}, add a model config."
