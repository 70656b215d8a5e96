"""Model configs for clients that know none: they have a key and a model's name, or a provider's."""

from __future__ import annotations

from uuid import UUID

from api.domain.errors import InsufficientScope, KeyUnreadable
from api.domain.model_configs import ModelConfig
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.choice import Choice
from api.services.model_configs import ModelConfigService

NAME_CHARS = 90  # of 100: a number may follow


class ProviderConfigService:
    def __init__(self, store: Store, configs: ModelConfigService, choice: Choice) -> None:
        self._store = store
        self._configs = configs
        self._choice = choice

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


def _free_name(wanted: str, taken: list[ModelConfig]) -> str:
    """The name, with a number behind it where another config has it."""
    names = {one.name for one in taken}
    base = wanted[:NAME_CHARS]
    numbered = (f"{base} {number}" for number in range(2, len(names) + 3))
    return next(name for name in (base, *numbered) if name not in names)
