"""Model configs: the keys people bring, sealed, and the answer to "which model takes this message"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from api.domain import clock
from api.domain.chats import Chat
from api.domain.conversation import CompletionRequest
from api.domain.errors import (
    AlreadyTaken,
    Forbidden,
    Invalid,
    KeyUnreadable,
    ModelNotFound,
    NotFound,
    ProviderNotConfigured,
)
from api.domain.ids import new_id, parse_id
from api.domain.model_configs import ModelConfig
from api.domain.principal import Principal
from api.providers.base import Call, Endpoint, Timeouts
from api.providers.catalogue import Catalogue, Vendor, origin
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.vault import Vault, VaultError, mask

NO_CONFIG = "There is no such model config."
CONFIG_GONE = "The model config that this chat uses has been deleted or is no longer shared; choose another model."
ENTER_AGAIN = "The stored key of {name!r} cannot be read with this server's encryption key; enter the key again."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a message asks for; None leaves it to the chat, the config or the defaults."""

    model: str | None = None
    model_config_id: UUID | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes. `config` is None for a vendor that needs none (demo, Ollama)."""

    vendor: Vendor
    model: str
    config: ModelConfig | None
    system: str | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None

    @property
    def system_from(self) -> str | None:
        return "model_config" if self.system else None


class ModelConfigService:
    """`default_model` is the instance's, as `provider/model`; empty for none."""

    def __init__(
        self, store: Store, vault: Vault, catalogue: Catalogue, timeouts: Timeouts, default_model: str = ""
    ) -> None:
        self._store = store
        self._vault = vault
        self._catalogue = catalogue
        self._timeouts = timeouts
        self._default_model = default_model

    # CRUD

    def list(self, principal: Principal) -> list[ModelConfig]:
        """One's own and the shared ones, keys masked."""
        configs = self._store.read(lambda work: work.model_configs.usable(principal.user_id))
        return [self._shown(config, principal) for config in configs]

    def get(self, principal: Principal, reference: str) -> ModelConfig:
        return self._shown(self._owned(principal, reference), principal)

    def create(self, principal: Principal, values: Mapping[str, Any]) -> ModelConfig:
        """Raises Invalid for what the provider cannot use, AlreadyTaken for a name in use, Forbidden for sharing."""
        values = dict(values)
        key = values.pop("api_key", None)
        endpoint = self._catalogue.endpoint(values["provider"], values.get("base_url"), key)
        self._check_sharing(principal, values)
        config_id = new_id()
        row = values | {
            "user_id": principal.user_id,
            "id": config_id,
            "provider": endpoint.provider,
            "api_key_encrypted": self._vault.seal(endpoint.api_key, config_id) if endpoint.api_key else None,
        }

        def insert(work: UnitOfWork) -> None:
            work.accounts.hold(principal.user_id)  # of parallel requests, one after the other
            if row.get("is_default"):
                work.model_configs.clear_default(principal.user_id, endpoint.provider)
            if not work.model_configs.add(row):
                raise AlreadyTaken(f"You have a model config named {row['name']!r} already.")

        self._store.write(insert)
        return self.get(principal, str(config_id))

    def change(self, principal: Principal, reference: str, values: Mapping[str, Any]) -> ModelConfig:
        """Without `api_key` the key stays; moving to another origin without entering it again is Invalid."""
        values = dict(values)
        self._check_sharing(principal, values)

        def update(work: UnitOfWork) -> None:
            work.accounts.hold(principal.user_id)
            config = self._found(work, principal, reference)
            changes = self._sealed(config, dict(values))
            if "name" in changes and work.model_configs.name_taken(principal.user_id, changes["name"], config.id):
                raise AlreadyTaken(f"You have a model config named {changes['name']!r} already.")
            if changes.get("is_default"):
                work.model_configs.clear_default(principal.user_id, config.provider)
            work.model_configs.change(principal.user_id, config.id, changes | {"updated_at": clock.now()})

        self._store.write(update)
        return self.get(principal, reference)

    def delete(self, principal: Principal, reference: str) -> None:
        config = self._owned(principal, reference)
        self._store.write(lambda work: work.model_configs.delete(principal.user_id, config.id))

    def _owned(self, principal: Principal, reference: str) -> ModelConfig:
        return self._store.read(lambda work: self._found(work, principal, reference))

    @staticmethod
    def _found(work: UnitOfWork, principal: Principal, reference: str) -> ModelConfig:
        config_id = parse_id(reference)
        found = work.model_configs.get_owned(config_id, principal.user_id) if config_id else None
        if found is None:
            raise NotFound(NO_CONFIG)
        return found

    def _sealed(self, config: ModelConfig, values: dict[str, Any]) -> dict[str, Any]:
        given = "api_key" in values
        key = values.pop("api_key", None)
        base_url = values.get("base_url", config.base_url)
        stored = None if given else self._opened(config)
        endpoint = self._catalogue.endpoint(config.provider, base_url, key if given else stored)
        if stored and "base_url" in values and origin(endpoint.base_url) != self._origin(config):
            raise Invalid(
                "The key was saved for another server; enter it again together with the new address.",
                errors=[{"pointer": "/api_key", "detail": "enter the key again", "code": "key_required"}],
            )
        if given:
            values["api_key_encrypted"] = self._vault.seal(endpoint.api_key, config.id) if endpoint.api_key else None
        return values

    def _origin(self, config: ModelConfig) -> str:
        url = config.base_url or self._catalogue.base_url(config.provider)
        return origin(url) if url else ""

    @staticmethod
    def _check_sharing(principal: Principal, values: Mapping[str, Any]) -> None:
        if values.get("shared") and not principal.is_admin:
            raise Forbidden("Only an admin can share a model config with everybody.")

    def _shown(self, config: ModelConfig, principal: Principal) -> ModelConfig:
        """The key masked for its owner, and not shown at all to those it is shared with."""
        if config.api_key_encrypted is None or config.user_id != principal.user_id:
            return config
        try:
            return replace(config, api_key=mask(self._vault.open(config.api_key_encrypted, config.id)))
        except VaultError:
            return replace(config, key_unreadable=True)

    def _opened(self, config: ModelConfig) -> str | None:
        if config.api_key_encrypted is None:
            return None
        try:
            return self._vault.open(config.api_key_encrypted, config.id)
        except VaultError as error:
            raise KeyUnreadable(ENTER_AGAIN.format(name=config.name)) from error

    # Which model

    def target(self, work: UnitOfWork, principal: Principal, chat: Chat | None, wish: Wish) -> Target:
        """The model that takes a message: the message's > the chat's > its config's > the user's > the instance's >
        the only configured one > demo. Raises NotFound, ModelNotFound, ProviderNotConfigured."""
        configs = work.model_configs.usable(principal.user_id)
        config, vendor, model = self._chosen(configs, principal, chat, wish)
        parameters = chat.parameters if chat else {}

        def pick(name: str) -> Any:
            for value in (getattr(wish, name), parameters.get(name), getattr(config, name, None)):
                if value is not None:
                    return value
            return None

        return Target(
            vendor=vendor,
            model=model,
            config=config,
            system=config.system_prompt if config else None,
            temperature=pick("temperature"),
            top_p=pick("top_p"),
            max_tokens=pick("max_tokens"),
        )

    def _chosen(
        self, configs: Sequence[ModelConfig], principal: Principal, chat: Chat | None, wish: Wish
    ) -> tuple[ModelConfig | None, Vendor, str]:
        if wish.model_config_id is not None:
            return self._by_config(configs, wish.model_config_id, wish.model)
        if wish.model:
            return self._by_name(configs, wish.model)
        if chat is not None and chat.model_config_id not in {None, *(one.id for one in configs)}:
            raise ProviderNotConfigured(CONFIG_GONE)  # another provider in its place would be a surprise
        if chat is not None and chat.model:
            if chat.model_config_id is not None:
                return self._by_config(configs, chat.model_config_id, chat.model)
            return self._by_name(configs, chat.model)
        if chat is not None and chat.model_config_id is not None:
            return self._by_config(configs, chat.model_config_id, None)
        if name := principal.default_model or self._default_model:
            return self._by_name(configs, name)
        if len(configs) == 1:
            return self._by_config(configs, configs[0].id, None)
        return None, self._vendor("demo"), "demo"

    def _by_config(
        self, configs: Sequence[ModelConfig], config_id: UUID, model: str | None
    ) -> tuple[ModelConfig, Vendor, str]:
        config = next((one for one in configs if one.id == config_id), None)
        if config is None:
            raise NotFound(NO_CONFIG)
        vendor = self._vendor(config.provider)
        name = _without_vendor(model, vendor) or config.model or vendor.default_model
        if not name:
            raise Invalid(f"The model config {config.name!r} names no model; choose one.")
        return config, vendor, name

    def _by_name(self, configs: Sequence[ModelConfig], name: str) -> tuple[ModelConfig | None, Vendor, str]:
        if config := next((one for one in configs if one.name == name), None):
            return self._by_config(configs, config.id, None)
        exact = next((one for one in configs if one.model == name), None)
        head, slash, rest = name.partition("/")
        vendor = self._catalogue.vendor(head) if slash and rest else None
        set_up = vendor is not None and any(one.provider == vendor.id for one in configs)
        if vendor is not None and (set_up or exact is None):
            return self._config_of(configs, vendor, rest), vendor, rest
        if exact is not None:  # a name that only looks like `provider/model`, such as a router's
            return exact, self._vendor(exact.provider), name
        if name in ("demo", "demo-thinking"):
            return None, self._vendor("demo"), name
        raise ModelNotFound(
            f"No model named {name[:100]!r} is set up here. Name it as provider/model, or choose one from the list."
        )

    def _config_of(self, configs: Sequence[ModelConfig], vendor: Vendor, model: str) -> ModelConfig | None:
        """The config that a call of `vendor` uses: the one for this very model, the default, or the first."""
        own = [one for one in configs if one.provider == vendor.id]
        ranked = sorted(own, key=lambda one: (one.model != model, not one.is_default))
        if ranked:
            return ranked[0]
        if vendor.needs_key or self._catalogue.base_url(vendor.id) is None:
            raise ProviderNotConfigured(f"{vendor.title} is not set up yet: add a model config with your key first.")
        return None

    def _vendor(self, provider: str) -> Vendor:
        vendor = self._catalogue.vendor(provider)
        if vendor is None:
            raise ProviderNotConfigured(f"This server does not know the provider {provider!r} any more.")
        return vendor

    # Calls

    def endpoint(self, config: ModelConfig | None, vendor: Vendor) -> Endpoint:
        """Where a config's calls go, with its key opened. Raises KeyUnreadable."""
        if config is None:
            return self._catalogue.endpoint(vendor.id, None, None)
        return self._catalogue.endpoint(vendor.id, config.base_url, self._opened(config))

    def call(self, target: Target, request: CompletionRequest) -> Call:
        """The provider's request, ready for the loop."""
        endpoint = self.endpoint(target.config, target.vendor)
        wire = self._catalogue.wire(target.vendor.id)
        secrets = (endpoint.api_key,) if endpoint.api_key else ()
        return Call(wire.encode(endpoint, request), wire, request, self._timeouts, secrets)


def _without_vendor(model: str | None, vendor: Vendor) -> str | None:
    return model.removeprefix(f"{vendor.id}/") if model else None
