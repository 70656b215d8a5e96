"""The models that can be named now, each by one name: from what is stored and was heard last, asking nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from api.domain.errors import AppError, KeyUnreadable
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import Facts
from api.domain.principal import NOBODY, Principal
from api.providers.catalogue import Catalogue
from api.repositories.unit_of_work import Store
from api.services.choice import Choice
from api.services.model_configs import ModelConfigService
from api.services.offers import Offers


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """`name` holds no blank, and is what a message names to get this very model."""

    name: str
    provider: str
    model: str
    context_window: int | None
    max_output: int | None


class ReadyModels:
    def __init__(
        self,
        store: Store,
        configs: ModelConfigService,
        catalogue: Catalogue,
        choice: Choice,
        offers: Offers,
        *,
        public: bool,
    ) -> None:
        """`public`: what is shared with everybody is told to people who have not signed in, too."""
        self._store = store
        self._configs = configs
        self._catalogue = catalogue
        self._choice = choice
        self._offers = offers
        self._public = public

    def usable(self, principal: Principal | None) -> list[ReadyModel]:
        """One's own configs, the shared ones, then what their providers offer besides; nobody's are the shared ones."""
        if principal is None:
            shared = self._store.read(lambda work: work.model_configs.shared()) if self._public else []
            configs = [config for config in shared if self._readable(config)]
            return self._ready(configs, NOBODY, self._named(configs))
        configs = self._store.read(lambda work: work.model_configs.usable(principal.user_id))
        configs = [config for config in configs if self._readable(config)]
        return self._ready(configs, principal, [*self._named(configs), *self._offered(configs, principal)])

    def _named(self, configs: Sequence[ModelConfig]) -> Iterator[str]:
        """Each by its name, or where that holds blanks, by `provider/model`."""
        for config in configs:
            vendor = self._catalogue.vendor(config.provider)
            model = config.model or (vendor and vendor.default_model)
            yield config.name if config.name == "".join(config.name.split()) else f"{config.provider}/{model or ' '}"

    def _offered(self, configs: Sequence[ModelConfig], principal: Principal) -> Iterator[str]:
        """What each provider was last heard to have, and the model of its own of one that needs no key."""
        for vendor in self._catalogue.vendors():
            own: list[ModelConfig | None] = [config for config in configs if config.provider == vendor.id]
            if not own and not vendor.needs_key:
                own = [None]
                if vendor.default_model:
                    yield f"{vendor.id}/{vendor.default_model}"
            for config in own:
                offer = self._offers.last(principal.user_id, vendor, config)
                yield from (f"{vendor.id}/{name}" for name, facts in offer.items() if _may_chat(facts))

    def _ready(self, configs: Sequence[ModelConfig], principal: Principal, names: Iterable[str]) -> list[ReadyModel]:
        found: dict[str, ReadyModel] = {}
        for name in names:
            if name in found or name != "".join(name.split()):
                continue
            with suppress(AppError):  # it cannot be chosen: it names no model, or the provider does not chat
                config, vendor, model = self._choice.named(configs, principal, name, "chat")
                if "chat" in vendor.abilities:
                    facts = self._choice.facts(principal, vendor, config, model)
                    found[name] = ReadyModel(name, vendor.id, model, facts.context_window, facts.max_output)
        return list(found.values())

    def _readable(self, config: ModelConfig) -> bool:
        try:
            self._configs.opened(config)
        except KeyUnreadable:
            return False
        return True


def _may_chat(facts: Facts) -> bool:
    return facts.abilities is None or "chat" in facts.abilities
