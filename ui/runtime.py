"""What lives as long as the page's process: one transport, one store of sessions. Made on first use."""

from __future__ import annotations

from functools import lru_cache

from ui.api_client import ApiClient, Transport
from ui.settings import settings
from ui.sign_in.sessions import SessionStore


@lru_cache(maxsize=1)
def transport() -> Transport:
    return Transport(settings().api_url, settings().page_secret)


@lru_cache(maxsize=1)
def sessions() -> SessionStore:
    return SessionStore(ApiClient(transport()))


def browser_address(peer: str | None, forwarded: str | None, trusted_proxies: int) -> str:
    """The browser's address: the peer's, or what the trusted proxies in front wrote into X-Forwarded-For."""
    hops = [hop.strip() for hop in (forwarded or "").split(",") if hop.strip()]
    if trusted_proxies and len(hops) >= trusted_proxies:
        return hops[-trusted_proxies]
    return peer or "127.0.0.1"
