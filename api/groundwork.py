"""What services stand on and call nobody for: addresses, vendors, times to wait, hashes, the models and their keys."""

from __future__ import annotations

from functools import cached_property

from api.config import Settings
from api.domain.instance import InstanceSettings
from api.providers.base import Timeouts
from api.providers.catalogue import Catalogue, LocalModels
from api.providers.control import Control
from api.repositories.unit_of_work import Store
from api.security.egress import Egress, parse_allowed
from api.security.passwords import Passwords
from api.security.vault import Vault, parse_keys
from api.services.catalogue import CatalogueService
from api.services.choice import Choice
from api.services.declared import DeclaredModels
from api.services.instance import InstanceService
from api.services.model_configs import ModelConfigService
from api.services.offers import Offers
from api.services.provider_configs import ProviderConfigService
from api.services.ready_models import ReadyModels
from api.services.vault import VaultService


class Groundwork:
    """Each part once, made when it is first asked for."""

    settings: Settings
    store: Store

    @cached_property
    def egress(self) -> Egress:
        return Egress(parse_allowed(self.settings.allowed_private_hosts))

    @cached_property
    def providers(self) -> Catalogue:
        kept = self.settings.ollama_keep_alive
        keep_alive = int(kept) if kept.lstrip("-").isdigit() else kept or None
        return Catalogue(
            self.settings.base_urls(),
            LocalModels(self.settings.ollama_context_tokens, keep_alive),
            self.settings.provider_proxy.get_secret_value(),
        )

    @cached_property
    def control(self) -> Control:
        return Control(self.providers, self.egress)

    @cached_property
    def offers(self) -> Offers:
        return Offers(self.providers)

    @cached_property
    def timeouts(self) -> Timeouts:
        return Timeouts(
            connect=self.settings.provider_connect_timeout,
            first=self.settings.provider_first_timeout,
            between=self.settings.provider_between_timeout,
            total=self.settings.provider_total_timeout,
        )

    @cached_property
    def instance(self) -> InstanceService:
        """What counts where no admin has set anything comes from the environment."""
        environment = InstanceSettings(
            registration=self.settings.registration,
            default_model=self.settings.default_model,
            system_prompt=self.settings.system_prompt,
            requests_per_hour=self.settings.rate_limit_per_hour,
            generations_per_hour=self.settings.generation_limit_per_hour,
        )
        return InstanceService(self.store, environment)

    @cached_property
    def passwords(self) -> Passwords:
        return Passwords()

    # Models and their keys

    @cached_property
    def secrets(self) -> Vault:
        return Vault(parse_keys(self.settings.encryption_key.get_secret_value()))

    @cached_property
    def vault(self) -> VaultService:
        return VaultService(self.store, self.secrets)

    @cached_property
    def choice(self) -> Choice:
        return Choice(self.providers, self.offers, lambda: self.instance.current.default_model)

    @cached_property
    def model_configs(self) -> ModelConfigService:
        return ModelConfigService(
            self.store,
            self.secrets,
            self.providers,
            self.timeouts,
            self.choice,
            system_prompt=lambda: self.instance.current.system_prompt,
        )

    @cached_property
    def declared(self) -> DeclaredModels:
        return DeclaredModels(self.store, self.providers)

    @cached_property
    def provider_configs(self) -> ProviderConfigService:
        return ProviderConfigService(self.store, self.model_configs, self.choice, self.providers)

    @cached_property
    def catalogue(self) -> CatalogueService:
        return CatalogueService(self.store, self.providers, self.control, self.model_configs, self.offers)

    @cached_property
    def ready_models(self) -> ReadyModels:
        public = self.settings.public_models
        return ReadyModels(self.store, self.model_configs, self.providers, self.choice, self.offers, public=public)
