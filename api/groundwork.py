"""What services stand on and the settings alone decide: addresses, vendors, times to wait."""

from __future__ import annotations

from functools import cached_property

from api.config import Settings
from api.providers.base import Timeouts
from api.providers.catalogue import Catalogue, LocalModels
from api.providers.control import Control
from api.security.egress import Egress, parse_allowed
from api.services.offers import Offers


class Groundwork:
    """Each part once, made when it is first asked for."""

    settings: Settings

    @cached_property
    def egress(self) -> Egress:
        return Egress(parse_allowed(self.settings.allowed_private_hosts))

    @cached_property
    def providers(self) -> Catalogue:
        kept = self.settings.ollama_keep_alive
        keep_alive = int(kept) if kept.lstrip("-").isdigit() else kept or None
        return Catalogue(self.settings.base_urls(), LocalModels(self.settings.ollama_context_tokens, keep_alive))

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
