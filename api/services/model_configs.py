"""Model configs: the keys people bring, sealed, and the answer to "which model takes this message"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from api.domain import clock, model_facts
from api.domain.chats import Chat
from api.domain.conversation import CompletionRequest
from api.domain.errors import (
    AlreadyTaken,
    Forbidden,
    Invalid,
    KeyUnreadable,
    NotFound,
)
from api.domain.ids import new_id, parse_id
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import NOTHING, Facts
from api.domain.principal import Principal
from api.providers.base import Call, Endpoint, Timeouts
from api.providers.catalogue import Catalogue, Vendor, origin
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.vault import Vault, VaultError, mask
from api.services.choice import NO_CONFIG, Choice, Wish
from api.services.system_prompts import SystemPrompt, system_prompt

__all__ = ["ModelConfigService", "Target", "Wish"]

ENTER_AGAIN = "The stored key of {name!r} cannot be read with this server's encryption key; enter the key again."
ELSEWHERE = "The key of {name!r} was saved for {saved}, and its calls go to {now} by now; enter the key again."
LONGEST = 32_000
TOO_LONG = "max_tokens is at most {most} for the model {model!r}, as far as its limit is known here."


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes. `config` is None for a vendor that needs none (demo, Ollama); `facts` is what
    is known of the model without asking or waiting: its prices may be missing here though a table has them."""

    vendor: Vendor
    model: str
    config: ModelConfig | None
    system: str | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    facts: Facts = NOTHING
    notes: Mapping[str, Any] = field(default_factory=dict)  # where the system prompt is from


class ModelConfigService:
    def __init__(
        self,
        store: Store,
        vault: Vault,
        catalogue: Catalogue,
        timeouts: Timeouts,
        choice: Choice,
        *,
        system_prompt: Callable[[], str] = str,
    ) -> None:
        """`system_prompt` tells the instance's, for whoever has none."""
        self._store = store
        self._vault = vault
        self._catalogue = catalogue
        self._timeouts = timeouts
        self._choice = choice
        self._system_prompt = system_prompt

    # CRUD

    def list(self, principal: Principal) -> list[ModelConfig]:
        """One's own and the shared ones, keys masked."""
        configs = self._store.read(lambda work: work.model_configs.usable(principal.user_id))
        return [self._shown(config, principal) for config in configs]

    def get(self, principal: Principal, reference: str) -> ModelConfig:
        return self._shown(self._owned(principal, reference), principal)

    def create(self, principal: Principal, values: Mapping[str, Any]) -> ModelConfig:
        """Raises Invalid for what the provider cannot use, AlreadyTaken for a name in use, Forbidden for sharing."""
        row = self.row(principal, values)
        self._store.write(lambda work: self.add(work, row))
        return self.get(principal, str(row["id"]))

    def row(self, principal: Principal, values: Mapping[str, Any]) -> dict[str, Any]:
        """A new config as it is stored, its key sealed. Raises Invalid, Forbidden."""
        values = dict(values)
        key = values.pop("api_key", None)
        endpoint = self._catalogue.endpoint(values["provider"], values.get("base_url"), key)
        self._check_sharing(principal, values)
        self.check_length(principal, None, values | {"provider": endpoint.provider})
        config_id = new_id()
        own = {"user_id": principal.user_id, "id": config_id, "provider": endpoint.provider}
        return values | own | self._key_of(endpoint, config_id)

    @staticmethod
    def add(work: UnitOfWork, row: Mapping[str, Any]) -> None:
        """`create` as part of a transaction. Raises AlreadyTaken."""
        work.accounts.hold(row["user_id"])  # of parallel requests, one after the other
        if row.get("is_default"):
            work.model_configs.clear_default(row["user_id"], row["provider"])
        if not work.model_configs.add(row):
            raise _taken(row["name"])

    def change(self, principal: Principal, reference: str, values: Mapping[str, Any]) -> ModelConfig:
        """Without `api_key` the key stays; moving to another origin without entering it again is Invalid."""
        if values.keys() & {"max_tokens", "model"}:  # outside the transaction: tables may have to be loaded
            self.check_length(principal, self._owned(principal, reference), values)
        self._store.write(lambda work: self.put(work, principal, reference, values))
        return self.get(principal, reference)

    def put(self, work: UnitOfWork, principal: Principal, reference: str, values: Mapping[str, Any]) -> None:
        """`change` as part of a transaction."""
        self._check_sharing(principal, values)
        work.accounts.hold(principal.user_id)
        config = self._found(work, principal, reference)
        changes = self._sealed(config, dict(values))
        if "name" in changes and work.model_configs.name_taken(principal.user_id, changes["name"], config.id):
            raise _taken(changes["name"])
        if changes.get("is_default"):
            work.model_configs.clear_default(principal.user_id, config.provider)
        work.model_configs.change(principal.user_id, config.id, changes | {"updated_at": clock.now()})

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
        """The key given, sealed. The stored one is never opened for this: what nobody can read changes all the same."""
        base_url = values.get("base_url", config.base_url)
        if "api_key" in values:
            endpoint = self._catalogue.endpoint(config.provider, base_url, values.pop("api_key"))
            return values | self._key_of(endpoint, config.id)
        if "base_url" not in values:
            return values
        now = origin(self._catalogue.address(config.provider, base_url))
        if config.api_key_encrypted is not None and now != (config.key_origin or self._origin(config)):
            told = "The key was saved for another server; enter it again together with the new address."
            raise Invalid.at("api_key", told, code="key_required")
        return values

    def _key_of(self, endpoint: Endpoint, config_id: UUID) -> dict[str, Any]:
        """The columns of a key that was just entered: sealed, and the only origin that it may be sent to."""
        key = endpoint.api_key
        return {
            "api_key_encrypted": self._vault.seal(key, config_id) if key else None,
            "key_origin": origin(endpoint.base_url) if key else None,
        }

    def _origin(self, config: ModelConfig) -> str:
        """Where its calls go now; empty where they cannot go anywhere."""
        try:
            return origin(self._catalogue.address(config.provider, config.base_url))
        except Invalid:
            return ""

    def remember_origins(self) -> None:
        """For keys from before their origin was remembered: it is where their calls go now."""

        def fill(work: UnitOfWork) -> None:
            for config in work.model_configs.without_origin():
                if now := self._origin(config):
                    work.model_configs.change(config.user_id, config.id, {"key_origin": now})

        if self._store.read(lambda work: work.model_configs.without_origin()):
            self._store.write(fill)

    def check_length(self, principal: Principal, config: ModelConfig | None, values: Mapping[str, Any]) -> None:
        """More than the usual is for models that are known to write more. Raises Invalid. Not for transactions: it may
        load tables."""
        length = values.get("max_tokens", config.max_tokens if config else None)
        if length is None or length <= LONGEST:
            return
        vendor = self._catalogue.vendor(config.provider if config else values["provider"])
        model = values.get("model", config.model if config else None) or (vendor and vendor.default_model)
        model_facts.load()
        known = self._choice.facts(principal, vendor, config, model).max_output if vendor and model else None
        if length > (most := max(LONGEST, known or 0)):
            raise Invalid.at("max_tokens", TOO_LONG.format(most=most, model=model or ""))

    @staticmethod
    def _check_sharing(principal: Principal, values: Mapping[str, Any]) -> None:
        if values.get("shared") and not principal.is_admin:
            raise Forbidden("Only an admin can share a model config with everybody.")

    def _shown(self, config: ModelConfig, principal: Principal) -> ModelConfig:
        """The key masked for its owner, and not shown at all to those it is shared with."""
        if config.api_key_encrypted is None or config.user_id != principal.user_id:
            return config
        if config.key_origin not in (None, self._origin(config)):
            return replace(config, key_unreadable=True)
        try:
            return replace(config, api_key=mask(self._vault.open(config.api_key_encrypted, config.id)))
        except VaultError:
            return replace(config, key_unreadable=True)

    def opened(self, config: ModelConfig) -> str | None:
        """Its key, for the origin that it was saved for. Raises KeyUnreadable."""
        if config.api_key_encrypted is None:
            return None
        if config.key_origin not in (None, now := self._origin(config)):
            raise KeyUnreadable(ELSEWHERE.format(name=config.name, saved=config.key_origin, now=now or "nowhere"))
        try:
            return self._vault.open(config.api_key_encrypted, config.id)
        except VaultError as error:
            raise KeyUnreadable(ENTER_AGAIN.format(name=config.name)) from error

    # Which model

    def target(self, work: UnitOfWork, principal: Principal, chat: Chat | None, wish: Wish) -> Target:
        """The model that takes a message: the message's > the chat's > its config's > the user's > the instance's >
        the default or only config > demo. Raises NotFound, ModelNotFound, ProviderNotConfigured."""
        configs = work.model_configs.usable(principal.user_id)
        config, vendor, model = self._choice.made(configs, principal, chat, wish)
        parameters = chat.parameters if chat else {}
        system = system_prompt(work, principal, wished=wish.prompt_id, chat=chat, config=config)
        if system is None and (instance := self._system_prompt()):
            system = SystemPrompt(instance, "instance")

        def pick(name: str) -> Any:
            for value in (getattr(wish, name), parameters.get(name), getattr(config, name, None)):
                if value is not None:
                    return value
            return None

        return Target(
            vendor=vendor,
            model=model,
            config=config,
            system=system.text if system else None,
            notes=system.notes if system else {},
            temperature=pick("temperature"),
            top_p=pick("top_p"),
            max_tokens=pick("max_tokens"),
            facts=self._choice.facts(principal, vendor, config, model),
        )

    def named(self, principal: Principal, name: str) -> Target:
        """The model of that name, as a message that wished for it would get. Raises as `target` does."""
        return self._store.read(lambda work: self.target(work, principal, None, Wish(model=name)))

    # Calls

    def endpoint(self, config: ModelConfig | None, vendor: Vendor) -> Endpoint:
        """Where a config's calls go, with its key opened. Raises KeyUnreadable."""
        if config is None:
            return self._catalogue.endpoint(vendor.id, None, None)
        return self._catalogue.endpoint(vendor.id, config.base_url, self.opened(config))

    def call(self, target: Target, request: CompletionRequest) -> Call:
        """The provider's request, ready for the loop."""
        endpoint = self.endpoint(target.config, target.vendor)
        wire = self._catalogue.wire(target.vendor.id)
        secrets = (endpoint.api_key,) if endpoint.api_key else ()
        timeouts = self._timeouts
        if not request.stream:  # its first byte comes when all is written
            timeouts = replace(timeouts, first=timeouts.total, between=timeouts.total)
        return Call(wire.encode(endpoint, request), wire, request, timeouts, secrets)


def _taken(name: str) -> AlreadyTaken:
    return AlreadyTaken.at(
        "name", f"You have a model config named {name!r} already; choose another name.", code="taken"
    )
