"""Model configs for clients that know none: they have a key and a model's name, or a provider's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from api.domain.errors import InsufficientScope, KeyUnreadable, NotFound
from api.domain.model_configs import ModelConfig
from api.domain.principal import Principal
from api.providers.catalogue import Catalogue
from api.providers.vendors import Vendor
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.choice import Choice
from api.services.model_configs import ModelConfigService

NAME_CHARS = 90  # of 100: a number may follow


class ProviderConfigService:
    """A provider's config is one's default one of it, else one's oldest."""

    def __init__(self, store: Store, configs: ModelConfigService, choice: Choice, catalogue: Catalogue) -> None:
        self._store = store
        self._configs = configs
        self._choice = choice
        self._catalogue = catalogue

    def provider(self, name: str) -> str:
        """The id of the provider of that name or alias. Raises NotFound, for one that does not chat too."""
        vendor = self._vendor(name)
        if "chat" not in vendor.abilities:
            raise NotFound(f"{vendor.title} does not chat. See GET /v1/models for those that do.")
        return vendor.id

    def _vendor(self, name: str) -> Vendor:
        if (vendor := self._catalogue.vendor(name)) is None:
            raise NotFound("There is no such provider. See GET /v1/models for those that are known.")
        return vendor

    def by_provider(self, principal: Principal) -> dict[str, ModelConfig]:
        """The configs of one's own providers, keys masked, each with the model that it stands for."""
        own = [one for one in self._configs.list(principal) if one.user_id == principal.user_id]
        return {provider: self._with_model(config) for provider, config in _by_provider(own).items()}

    def save(self, principal: Principal, name: str, values: Mapping[str, Any]) -> None:
        """Make or change the config of a provider. What is not given stays. Raises NotFound, Invalid."""
        provider = self._vendor(name).id
        present = _by_provider(self._store.read(lambda work: _own(work, principal))).get(provider)
        self._configs.check_length(principal, present, {**values, "provider": provider})

        def make_or_change(work: UnitOfWork) -> None:
            work.accounts.hold(principal.user_id)
            own = _own(work, principal)
            if config := _by_provider(own).get(provider):
                self._configs.put(work, principal, str(config.id), {**values, "is_default": True})
                return
            made = {"name": _free_name(provider, own), "provider": provider, "is_default": True, **values}
            self._configs.add(work, self._configs.row(principal, made))

        self._store.write(make_or_change)

    def delete(self, principal: Principal, name: str) -> None:
        """Remove the config of a provider, with its key. Raises NotFound."""
        provider = self._vendor(name).id

        def remove(work: UnitOfWork) -> None:
            config = _by_provider(_own(work, principal)).get(provider)
            if config is None:
                raise NotFound("This provider is not configured.")
            work.model_configs.delete(principal.user_id, config.id)

        self._store.write(remove)

    def _with_model(self, config: ModelConfig) -> ModelConfig:
        vendor = self._catalogue.vendor(config.provider)
        return replace(config, model=config.model or (vendor.default_model if vendor else None))

    def for_key(self, principal: Principal, model: str, key: str) -> ModelConfig:
        """A config of one's own with this model and key: the one that is there, else a new one.

        Raises InsufficientScope for an API key that may not change the account, Invalid for a key that is none.
        """
        if "admin" not in principal.scopes:
            raise InsufficientScope("Saving a provider's key needs an API key with the scope admin.")
        vendor, name = self._choice.vendor_of(model)
        row = self._configs.row(principal, {"name": name, "provider": vendor.id, "api_key": key, "model": name})

        def find_or_add(work: UnitOfWork) -> UUID:
            work.accounts.hold(principal.user_id)  # of parallel requests, one after the other
            own = _own(work, principal)
            for config in own:
                same = (config.provider, config.model, config.base_url) == (vendor.id, name, None)
                if same and self._holds(config, key):
                    return config.id
            self._configs.add(work, row | {"name": _free_name(name, own)})
            added: UUID = row["id"]
            return added

        return self._configs.get(principal, str(self._store.write(find_or_add)))

    def _holds(self, config: ModelConfig, key: str) -> bool:
        try:
            return self._configs.opened(config) == key.strip()
        except KeyUnreadable:
            return False


def _own(work: UnitOfWork, principal: Principal) -> list[ModelConfig]:
    return [one for one in work.model_configs.usable(principal.user_id) if one.user_id == principal.user_id]


def _by_provider(configs: Iterable[ModelConfig]) -> dict[str, ModelConfig]:
    found: dict[str, ModelConfig] = {}
    for config in sorted(configs, key=lambda one: not one.is_default):
        found.setdefault(config.provider, config)
    return found


def _free_name(wanted: str, taken: list[ModelConfig]) -> str:
    """The name, with a number behind it where another config has it."""
    names = {one.name for one in taken}
    base = wanted[:NAME_CHARS]
    numbered = (f"{base} {number}" for number in range(2, len(names) + 3))
    return next(name for name in (base, *numbered) if name not in names)
