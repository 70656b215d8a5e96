"""What the API's answers say of models, providers and configs, as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field

from ui.api_client.records import Json


@dataclass(frozen=True)
class Model:
    """`id` is what is sent, `provider` a title for people. Prices: dollars a million tokens, as decimal text."""

    id: str
    name: str
    provider: str = ""
    context_window: int | None = None
    abilities: tuple[str, ...] | None = None
    input_price: str | None = None
    output_price: str | None = None

    @classmethod
    def read(cls, body: Json, titles: dict[str, str]) -> Model:
        window, abilities = body.get("context_window"), body.get("abilities")
        provider, prices = str(body.get("provider") or ""), body.get("prices") or {}
        return cls(
            id=str(body.get("id", "")),
            name=str(body.get("name") or body.get("id") or ""),
            provider=titles.get(provider, provider),
            context_window=window if isinstance(window, int) else None,
            abilities=tuple(abilities) if isinstance(abilities, list) else None,
            input_price=prices.get("input"),
            output_price=prices.get("output"),
        )

    @property
    def converses(self) -> bool:
        """Models for other things, such as images, are no choice for a chat; one of which nothing is known may be."""
        return self.abilities is None or "chat" in self.abilities


@dataclass(frozen=True)
class Provider:
    """`configured` when its models can be used now; `error` is why its list is not here."""

    id: str
    title: str
    needs_key: bool = False
    configured: bool = False
    error: str = ""

    @classmethod
    def read(cls, body: Json, *, configured: bool) -> Provider:
        error = body.get("error")
        return cls(
            id=str(body.get("provider") or ""),
            title=str(body.get("title") or body.get("provider") or ""),
            needs_key=bool(body.get("needs_key")),
            configured=configured,
            error=str(error.get("detail") or error.get("code") or "") if isinstance(error, dict) else "",
        )


@dataclass(frozen=True)
class ModelCatalogue:
    """`models` are for chats; `all_models` are for everything."""

    all_models: list[Model]
    providers: list[Provider] = field(default_factory=list)

    @classmethod
    def read(cls, body: Json) -> ModelCatalogue:
        providers = [
            Provider.read(entry, configured=name == "configured_providers")
            for name in ("configured_providers", "missing_providers")
            for entry in body.get(name) or []
            if isinstance(entry, dict)
        ]
        titles = {provider.id: provider.title for provider in providers}
        return cls(
            [Model.read(entry, titles) for entry in body.get("models") or [] if isinstance(entry, dict)], providers
        )

    @property
    def models(self) -> list[Model]:
        return [model for model in self.all_models if model.converses]


@dataclass(frozen=True)
class ModelConfig:
    id: str
    name: str
    provider: str
    model: str
    base_url: str = ""
    is_default: bool = False
    shared: bool = False
    masked_key: str = ""
    key_unreadable: bool = False
    system_prompt: str = ""
    temperature: float | None = None
    max_tokens: int | None = None

    @classmethod
    def read(cls, body: Json) -> ModelConfig:
        return cls(
            id=str(body.get("id", "")),
            name=str(body.get("name") or ""),
            provider=str(body.get("provider") or ""),
            model=str(body.get("model") or ""),
            base_url=str(body.get("base_url") or ""),
            is_default=bool(body.get("is_default")),
            shared=bool(body.get("shared")),
            masked_key=str(body.get("api_key") or ""),
            key_unreadable=bool(body.get("key_unreadable")),
            system_prompt=str(body.get("system_prompt") or ""),
            temperature=body.get("temperature"),
            max_tokens=body.get("max_tokens"),
        )
