"""What follows from a vendor's row: its wire, its address, its trust."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yarl import URL

from api.domain.errors import Invalid
from api.providers.base import Endpoint, Wire
from api.providers.vendors import DEMO_URL, VENDORS, Ability, Vendor
from api.providers.wires.anthropic import AnthropicWire
from api.providers.wires.demo import DemoWire
from api.providers.wires.google import GoogleWire
from api.providers.wires.ollama import OllamaWire
from api.providers.wires.openai import OpenAIWire

__all__ = ["VENDORS", "Ability", "Catalogue", "LocalModels", "Vendor", "normal_url", "origin"]

_MAX_URL_CHARS: Final = 2_000
_MAX_KEY_CHARS: Final = 4_000


@dataclass(frozen=True, slots=True)
class LocalModels:
    """How an Ollama is to keep its models: tokens of context, and how long in memory (its own form, such as `10m`)."""

    context_tokens: int | None = None
    keep_alive: str | int | None = None

    def options(self) -> dict[str, Any]:
        """As its wire sends them."""
        found = {"num_ctx": self.context_tokens, "keep_alive": self.keep_alive}
        return {name: value for name, value in found.items() if value is not None}


class Catalogue:
    """`base_urls`: vendor id → the address the operator set, which is trusted as it stands. `proxy`: through which the
    vendors' own addresses on the internet are called. Raises Invalid."""

    def __init__(
        self, base_urls: Mapping[str, str] | None = None, local: LocalModels | None = None, proxy: str = ""
    ) -> None:
        self._proxy = proxy or None
        self._local = local or LocalModels()
        self._vendors = {name: vendor for vendor in VENDORS for name in (vendor.id, *vendor.aliases)}
        self._base_urls = {vendor.id: vendor.base_url for vendor in VENDORS}
        self._wires = {vendor.id: _wire(vendor, self._local) for vendor in VENDORS}
        for name, url in (base_urls or {}).items():
            vendor = self._known(name)
            if vendor.wire != "demo":
                self._base_urls[vendor.id] = normal_url(url)

    def vendors(self) -> tuple[Vendor, ...]:
        """All rows, in the order in which people should see them."""
        return VENDORS

    def vendor(self, id_or_alias: str) -> Vendor | None:
        """The row of that name, however it is capitalised."""
        return self._vendors.get(id_or_alias.strip().lower())

    def base_url(self, provider: str) -> str | None:
        """Where calls go that bring no address: the operator's, or the vendor's own. Raises Invalid."""
        return self._base_urls[self._known(provider).id]

    def wire(self, provider: str) -> Wire:
        """How that vendor's models are spoken to. Raises Invalid for an unknown one, or one without chat models."""
        vendor = self._known(provider)
        if "chat" not in vendor.abilities:
            raise Invalid(f"{vendor.title} has no chat models. Choose another provider for a conversation.")
        return self._wires[vendor.id]

    def context_kept(self, provider: str) -> int | None:
        """The tokens of context that every model of this vendor is told to keep; None where each has its own."""
        return self._local.context_tokens if self._known(provider).wire == "ollama" else None

    def address(self, provider: str, base_url: str | None) -> str:
        """Where calls go that bring `base_url`, or None. Raises Invalid: an unknown vendor, no address, a bad one."""
        vendor = self._known(provider)
        if base_url and vendor.wire == "demo":
            raise Invalid("The demo has no address. Leave the base URL out, or choose another provider.")
        url = normal_url(base_url) if base_url else self._base_urls[vendor.id]
        if url is None:
            raise Invalid(f"{vendor.title} needs a base URL, such as {vendor.url_hint}.")
        return url

    def endpoint(self, provider: str, base_url: str | None, api_key: str | None) -> Endpoint:
        """Where a call goes. Only the operator's or the vendor's own address is trusted; others are guarded.

        Raises Invalid: unknown vendor, an address missing or malformed, a key missing or malformed.
        """
        vendor = self._known(provider)
        url = self.address(provider, base_url)
        key = _normal_key(api_key) if vendor.takes_key else None
        if vendor.needs_key and key is None:
            raise Invalid(f"{vendor.title} needs an API key ({vendor.key_hint}).")
        trusted = url == self._base_urls[vendor.id]
        far = trusted and url == vendor.base_url and url.startswith("https://")
        return Endpoint(vendor.id, url, key, trusted, self._proxy if far else None)

    def _known(self, provider: str) -> Vendor:
        vendor = self.vendor(provider)
        if vendor is None:
            raise Invalid(f"Unknown provider {provider[:60]!r}. Known: {', '.join(v.id for v in VENDORS)}.")
        return vendor


def normal_url(text: str) -> str:
    """A base URL in its one spelling, without a final slash. Raises Invalid for what must not be called.

    Parsed by the library that later dials it, so that both mean the same host.
    """
    text = text.strip()
    odd = any(c.isspace() or not c.isprintable() or c in '\\<>"' for c in text)
    if odd or not text or len(text) > _MAX_URL_CHARS:
        raise Invalid("The base URL is empty, too long, or holds characters that no URL has.")
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise Invalid("The base URL cannot be read. It looks like https://host/v1.") from None
    if url.scheme not in {"http", "https"} or not url.host or not port:
        raise Invalid("The base URL must begin with http:// or https:// and name a host.")
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise Invalid("The base URL must not hold a user name or password; the key has a field of its own.")
    if "?" in text or "#" in text:
        raise Invalid("The base URL must not hold a query or a fragment.")
    return str(url).rstrip("/")


@functools.lru_cache(1_024)
def origin(url: str) -> str:
    """Scheme, host and port in one spelling: what a key is bound to. Raises Invalid for a malformed URL."""
    if url == DEMO_URL:
        return "demo://"
    parsed = URL(normal_url(url))
    host = parsed.raw_host or ""
    return f"{parsed.scheme}://{f'[{host}]' if ':' in host else host.removesuffix('.')}:{parsed.port}"


def _normal_key(text: str | None) -> str | None:
    key = (text or "").strip()
    if not key:
        return None
    if len(key) > _MAX_KEY_CHARS or not key.isascii() or not key.isprintable() or " " in key:
        raise Invalid("The API key holds characters that no key has. Copy it again.")
    return key


def _wire(vendor: Vendor, local: LocalModels) -> Wire:
    match vendor.wire:
        case "openai":
            return OpenAIWire(
                tokens_field=vendor.tokens_field,
                stream_usage=vendor.stream_usage,
                names=dict(vendor.names),
                families=vendor.families,
                headers=vendor.headers,
            )
        case "anthropic":
            return AnthropicWire(vendor.families, vendor.headers)
        case "google":
            return GoogleWire(vendor.families, vendor.headers)
        case "ollama":
            return OllamaWire(vendor.families, vendor.headers, local.options())
        case "demo":
            return DemoWire()
