"""Which model takes a message: the rule, over the configs that a user may use. Asks no provider and no database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from api.domain import model_facts
from api.domain.chats import Chat
from api.domain.errors import Invalid, ModelNotFound, NotFound, ProviderNotConfigured
from api.domain.model_configs import ModelConfig
from api.domain.model_facts import NOTHING, Facts
from api.domain.principal import Principal
from api.providers.catalogue import Ability, Catalogue, Vendor
from api.services.offers import Offers

NO_CONFIG = "There is no such model config."
CONFIG_GONE = "The model config that this chat uses has been deleted or is no longer shared; choose another model."
NONE_CHOSEN = (
    "You have several model configs and none is the default, so name a model: with the message, for the chat, or as "
    "your default. Or make one of them the default: {names}."
)
NO_IMAGES = (
    "No provider that makes images is set up here yet. Add an API key for one that does, on the page under Models: "
    "{vendors}."
)
NOT_SET_UP = "{vendor} is not set up here yet. Add it first, with its API key or address, on the page under Models."
Chosen = tuple[ModelConfig | None, Vendor, str]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a message asks for; None leaves it to the chat, the config or the defaults."""

    model: str | None = None
    model_config_id: UUID | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    prompt_id: UUID | None = None
    provider: str | None = None  # by its id: whatever one has of it

    @property
    def names_model(self) -> bool:
        """Whether a model is asked for, and not the default one."""
        return not (self.model is None and self.model_config_id is None and self.provider is None)


class Choice:
    """`default_model` tells the instance's, as `provider/model`; empty for none."""

    def __init__(self, catalogue: Catalogue, offers: Offers, default_model: Callable[[], str]) -> None:
        self._catalogue = catalogue
        self._offers = offers
        self._default_model = default_model

    def made(self, configs: Sequence[ModelConfig], principal: Principal, chat: Chat | None, wish: Wish) -> Chosen:
        """The message's > the chat's > its config's > the user's > the instance's > the default or only config >
        demo, where nothing is configured. Raises NotFound, ModelNotFound, ProviderNotConfigured."""
        if wish.model_config_id is not None:
            return self._by_config(configs, wish.model_config_id, wish.model)
        if wish.model:
            return self._by_name(configs, principal, wish.model)
        if wish.provider:
            return self._by_provider(configs, principal, self._vendor(wish.provider))
        if chat is not None and chat.model_config_id not in {None, *(one.id for one in configs)}:
            raise ProviderNotConfigured(CONFIG_GONE)  # another provider in its place would be a surprise
        if chat is not None and chat.model:
            if chat.model_config_id is not None:
                return self._by_config(configs, chat.model_config_id, chat.model)
            return self._by_name(configs, principal, chat.model)
        if chat is not None and chat.model_config_id is not None:
            return self._by_config(configs, chat.model_config_id, None)
        if name := principal.default_model or self._default_model():
            return self._by_name(configs, principal, name)
        return self._unnamed(configs, principal)

    def named(self, configs: Sequence[ModelConfig], principal: Principal, name: str, ability: Ability) -> Chosen:
        """The model of that name, for something else than a chat. Raises as `made` does."""
        return self._by_name(configs, principal, name, ability)

    def drawing(
        self, configs: Sequence[ModelConfig], principal: Principal, model: str | None, config_id: UUID | None
    ) -> Chosen:
        """The model that makes an image: the config's or the one named, else that of a config whose provider does
        nothing else, else of any that can. Raises Invalid where it cannot, and as `made` does."""
        if config_id is not None:
            config = next((one for one in configs if one.id == config_id), None)
            drawn = self._drawn_by(principal, config, sure=False) if config else None
            chosen = self._by_config(configs, config_id, model or drawn)
        elif model is not None:
            chosen = self._by_name(configs, principal, model, "images")
        else:
            chosen = self._drawing_unnamed(configs, principal)
        if chosen[1].images is None:
            raise Invalid(f"{chosen[1].title} makes no images. Choose a model of {self._who_draws()}.")
        return chosen

    def _drawing_unnamed(self, configs: Sequence[ModelConfig], principal: Principal) -> Chosen:
        def rank(one: ModelConfig) -> tuple[bool, ...]:
            return "chat" in self._vendor(one.provider).abilities, one.user_id != principal.user_id, not one.is_default

        for config in sorted((one for one in configs if self._vendor(one.provider).images), key=rank):
            if name := self._drawn_by(principal, config, sure=True):
                return config, self._vendor(config.provider), name
        raise ProviderNotConfigured(NO_IMAGES.format(vendors=self._who_draws()))

    def _drawn_by(self, principal: Principal, config: ModelConfig, *, sure: bool) -> str | None:
        """The config's model where it makes images, else the usual one of its provider. Of a model that nobody knows
        that holds where the provider does nothing else, or where one need not be `sure`."""
        vendor = self._vendor(config.provider)
        usual = vendor.images.model if vendor.images else None
        if config.model is None:
            return usual
        abilities = self.facts(principal, vendor, config, config.model).abilities
        draws = "images" in abilities if abilities is not None else not sure or "chat" not in vendor.abilities
        return config.model if draws else usual

    def _who_draws(self) -> str:
        return ", ".join(vendor.title for vendor in self._catalogue.vendors() if vendor.images)

    def vendor(self, config: ModelConfig) -> Vendor:
        """Its provider. Raises ProviderNotConfigured where this server does not know it any more."""
        return self._vendor(config.provider)

    def vendor_of(self, model: str) -> tuple[Vendor, str]:
        """Whose model that is, by its name alone, as `provider/model` or by the tables of models; else OpenAI's."""
        head, slash, rest = model.partition("/")
        if slash and rest and (vendor := self._catalogue.vendor(head)):
            return vendor, rest
        vendors = (one for one in self._catalogue.vendors() if "chat" in one.abilities)
        known = (one for one in vendors if model_facts.known(one.id, model) != NOTHING)
        return next(known, None) or self._vendor("openai"), model

    def facts(self, principal: Principal, vendor: Vendor, config: ModelConfig | None, model: str) -> Facts:
        """What is known of the chosen model; of one that nobody knows, the window that its vendor's hold at least."""
        return self._offers.facts(principal.user_id, vendor, config, model).over(Facts(vendor.window))

    def _unnamed(self, configs: Sequence[ModelConfig], principal: Principal) -> Chosen:
        usable = [one for one in configs if "chat" in self._vendor(one.provider).abilities]
        own = [one for one in usable if one.user_id == principal.user_id]
        for candidates in (
            [one for one in own if one.is_default],
            own,
            [one for one in usable if one.is_default],
            usable,
        ):
            if len(candidates) == 1:
                return self._by_config(configs, candidates[0].id, None)
        if usable:
            raise ProviderNotConfigured(NONE_CHOSEN.format(names=", ".join(repr(one.name) for one in usable[:10])))
        return None, self._vendor("demo"), "demo"

    def _by_provider(self, configs: Sequence[ModelConfig], principal: Principal, vendor: Vendor) -> Chosen:
        """One's own default config of that provider, else one's oldest, else one that is shared."""
        found = [one for one in configs if one.provider == vendor.id]
        ranked = sorted(found, key=lambda one: (one.user_id != principal.user_id, not one.is_default))
        if ranked:
            return self._by_config(configs, ranked[0].id, None)
        self._config_of(configs, vendor, "")
        if vendor.default_model is None:
            raise Invalid(f"{vendor.title} has no model of its own; configure one first.")
        return None, vendor, vendor.default_model

    def _by_config(self, configs: Sequence[ModelConfig], config_id: UUID, model: str | None) -> Chosen:
        config = next((one for one in configs if one.id == config_id), None)
        if config is None:
            raise NotFound(NO_CONFIG)
        vendor = self._vendor(config.provider)
        name = _without_vendor(model, vendor) or config.model or vendor.default_model
        if not name:
            raise Invalid(f"The model config {config.name!r} names no model; choose one.")
        return config, vendor, name

    def _by_name(
        self, configs: Sequence[ModelConfig], principal: Principal, name: str, ability: Ability = "chat"
    ) -> Chosen:
        if config := next((one for one in configs if one.name == name), None):
            return self._by_config(configs, config.id, None)
        head, slash, rest = name.partition("/")
        vendor = self._catalogue.vendor(head) if slash and rest else None
        if vendor is not None and any(one.provider == vendor.id for one in configs):
            return self._config_of(configs, vendor, rest), vendor, rest
        if exact := self._with_model(configs, name):  # it may look like `provider/model`, such as a router's
            return exact, self._vendor(exact.provider), name
        if vendor is not None:
            return self._config_of(configs, vendor, rest), vendor, rest
        if name in ("demo", "demo-thinking"):
            return None, self._vendor("demo"), name
        return self._known_to_one(configs, principal, name, ability)

    @staticmethod
    def _with_model(configs: Sequence[ModelConfig], name: str) -> ModelConfig | None:
        """The config made for this very model, a default one first. Raises ModelNotFound over two providers."""
        found = sorted((one for one in configs if one.model == name), key=lambda one: not one.is_default)
        _refuse_several({one.provider for one in found}, name)
        return found[0] if found else None

    def _known_to_one(
        self, configs: Sequence[ModelConfig], principal: Principal, name: str, ability: Ability
    ) -> Chosen:
        """A bare name, by what the configured providers were last heard, or are known, to have."""
        sources: list[tuple[Vendor, ModelConfig | None]] = [(self._vendor(one.provider), one) for one in configs]
        sources += [
            (vendor, None)
            for vendor in self._catalogue.vendors()
            if not vendor.needs_key and all(vendor.id != one.provider for one in configs)
        ]
        having = {
            vendor.id: vendor
            for vendor, config in sources
            if ability in vendor.abilities and self._offers.has(principal.user_id, vendor, config, name)
        }
        _refuse_several(having, name)
        for vendor in having.values():
            return self._config_of(configs, vendor, name), vendor, name
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
            raise ProviderNotConfigured(NOT_SET_UP.format(vendor=vendor.title))
        return None

    def _vendor(self, provider: str) -> Vendor:
        vendor = self._catalogue.vendor(provider)
        if vendor is None:
            raise ProviderNotConfigured(f"This server no longer knows the provider {provider!r}. Choose another model.")
        return vendor


def _refuse_several(providers: Collection[str], name: str) -> None:
    if len(providers) > 1:
        forms = " or ".join(f"{provider}/{name[:100]}" for provider in sorted(providers))
        raise ModelNotFound(f"Several providers have a model named {name[:100]!r}. Name it in full: {forms}.")


def _without_vendor(model: str | None, vendor: Vendor) -> str | None:
    return model.removeprefix(f"{vendor.id}/") if model else None
