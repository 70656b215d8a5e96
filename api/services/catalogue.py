"""The catalogue a user sees: every model that his configs, and the vendors that need none, offer now."""

from __future__ import annotations

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from api.domain import model_facts
from api.domain.errors import AppError, ModelNotFound, NotFound, ProviderTimeout
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import Rates
from api.domain.principal import Principal
from api.providers.catalogue import Catalogue, Vendor
from api.providers.control import Control, ModelEntry
from api.repositories.unit_of_work import Store
from api.services.model_configs import ModelConfigService
from api.services.offers import Offer, Offers

log = structlog.get_logger()
DEADLINE_SECONDS = 4.0
LEAST = 0.75  # of the deadline is the providers' in any case, however long this process takes to get ready for them
Source = tuple[Vendor, ModelConfig | None]


@dataclass(frozen=True, slots=True)
class Listing:
    """What one provider offers; `error` where one of its configs failed, `heard` where one answered."""

    vendor: Vendor
    models: Offer
    error: AppError | None = None
    heard: bool = False


class CatalogueService:
    def __init__(
        self, store: Store, catalogue: Catalogue, control: Control, configs: ModelConfigService, offers: Offers
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._control = control
        self._configs = configs
        self._offers = offers

    def models(self, principal: Principal) -> dict[str, Any]:
        """All models of all providers, and which providers are missing. One slow or broken provider delays nothing
        beyond the deadline and empties nothing but its own list."""
        listings = self._listings(principal, self._sources(principal))
        return _answer(listings, self._catalogue.vendors())

    def model(self, principal: Principal, name: str) -> dict[str, Any]:
        """One entry of the catalogue, by `provider/model` or by its bare name. Raises ModelNotFound."""
        entries: list[dict[str, Any]] = self.models(principal)["models"]
        found = next((one for one in entries if one["id"] == name), None)
        found = found or next((one for one in entries if one["name"] == name), None)
        if found is None:
            raise ModelNotFound(f"There is no model {name[:100]!r} among those that you can use here.")
        return found

    def provider_models(self, principal: Principal, provider: str) -> dict[str, Any]:
        """The models of one provider, in the same form. Raises NotFound for an unknown vendor, and what the provider
        itself said where no config of it was answered."""
        vendor = self._catalogue.vendor(provider)
        if vendor is None:
            raise NotFound("There is no such provider.")
        sources = [source for source in self._sources(principal) if source[0].id == vendor.id]
        listings = self._listings(principal, sources)
        for listing in listings:
            if listing.error is not None and not listing.heard:
                raise listing.error
        return {"provider": vendor.id, **_answer(listings, (vendor,))}

    def close(self) -> None:
        self._offers.close()

    def _sources(self, principal: Principal) -> list[Source]:
        """The user's configs, vendor by vendor, the default first; vendors without a key need none."""
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
        began = time.monotonic()
        self._control.prepare({vendor.wire for vendor, _ in sources})
        limit = max(began + DEADLINE_SECONDS, time.monotonic() + DEADLINE_SECONDS * LEAST)
        asked = [(vendor, config, self._ask(principal.user_id, vendor, config)) for vendor, config in sources]
        merged: dict[str, Listing] = {}
        for vendor, config, future in asked:
            listing = self._settled(vendor, config, future, limit)
            if earlier := merged.get(vendor.id):
                models, error = listing.models | earlier.models, earlier.error or listing.error
                listing = Listing(vendor, models, error, earlier.heard or listing.heard)
            merged[vendor.id] = listing
        # an Ollama that nobody set up and that does not run is absent, not broken
        silent = {vendor.id for vendor, config, _ in asked if config is None and vendor.base_url is not None}
        return [one for one in merged.values() if not (one.error and one.vendor.id in silent)]

    def _ask(self, user_id: UUID, vendor: Vendor, config: ModelConfig | None) -> Future[Offer]:
        def list_models() -> list[ModelEntry]:
            return self._control.list_models(self._configs.endpoint(config, vendor), DEADLINE_SECONDS)

        return self._offers.ask(user_id, vendor, config, list_models)

    def _settled(self, vendor: Vendor, config: ModelConfig | None, future: Future[Offer], limit: float) -> Listing:
        named = {}
        if config is not None and config.model:
            named = {config.model: self._offers.fitted(vendor, model_facts.known_at_once(vendor.id, config.model))}
        try:
            found = future.result(max(0.0, limit - time.monotonic()))
        except FutureTimeout:
            return Listing(vendor, named, ProviderTimeout(f"{vendor.title} did not answer in time. Try again later."))
        except AppError as error:
            return Listing(vendor, named, error)
        except Exception:
            log.exception("a list of models failed", provider=vendor.id)
            return Listing(vendor, named, AppError(f"The models of {vendor.title} could not be listed. Try again."))
        return Listing(vendor, named | found, heard=True)


def _answer(listings: list[Listing], vendors: tuple[Vendor, ...]) -> dict[str, Any]:
    known = {listing.vendor.id for listing in listings}
    missing = [_provider(vendor) for vendor in vendors if vendor.id not in known]
    models = [entry for listing in listings for entry in _entries(listing)]
    return {
        "models": models,
        "configured_providers": [_provider(one.vendor, one.error) for one in listings],
        "missing_providers": missing,
        "message": _message(models, missing),
    }


def _entries(listing: Listing) -> list[dict[str, Any]]:
    """Without the models that can do nothing which is done here, such as those for speech."""
    vendor = listing.vendor
    other = None if "chat" in vendor.abilities else vendor.abilities - {"models"}
    return [
        {
            "id": f"{vendor.id}/{name}",
            "provider": vendor.id,
            "name": name,
            "title": f"{vendor.title} · {name}",
            "context_window": facts.context_window,
            "max_output": facts.max_output,
            "abilities": None if abilities is None else sorted(abilities),
            "prices": facts.rates and _prices(facts.rates),
        }
        for name, facts in listing.models.items()
        if (abilities := other if facts.abilities is None else facts.abilities) is None or abilities
    ]


def _prices(rates: Rates) -> dict[str, Any]:
    """US dollars a million tokens, as decimal text; a part without a price of its own is null."""
    names = ("input", "output", "cached", "cache_write", "reasoning", "thinking")
    parts = {name: rate for name in names if (rate := getattr(rates, name)) is not None}
    starts = sorted({start for rate in parts.values() for start, _ in rate.above})
    return {
        "currency": "USD",
        "per_tokens": 1_000_000,
        **{name: _text(parts[name].base) if name in parts else None for name in names},
        "above": [
            {"prompt_tokens": start, **{name: _text(rate.at(start + 1)) for name, rate in parts.items()}}
            for start in starts
        ],
        "source": rates.source,
    }


def _text(amount: Any) -> str:
    return f"{amount.normalize():f}"


def _provider(vendor: Vendor, error: AppError | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {"provider": vendor.id, "title": vendor.title, "needs_key": vendor.needs_key}
    if error is not None:
        shown["error"] = {"code": error.code, "detail": error.detail}
    return shown


def _message(models: list[dict[str, Any]], missing: list[dict[str, Any]]) -> str:
    if not missing:
        return f"{len(models)} models."
    titles = ", ".join(one["title"] for one in missing)
    return f"{len(models)} models. To use {titles}, add a model config."
