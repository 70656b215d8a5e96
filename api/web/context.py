"""What a route may ask of its request: the services, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast

from flask import current_app, g
from werkzeug.local import LocalProxy

from api.domain.principal import Principal
from api.services.registry import Services

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The few settings that HTTP itself needs; given by the factory, so that web never reads configuration."""

    page_secret: str
    metrics_token: str
    cors_origins: frozenset[str]
    trusted_proxies: int
    max_body_bytes: int
    max_upload_bytes: int  # of a file that is read as it arrives
    max_avatar_bytes: int
    max_import_bytes: int
    access_token_minutes: int
    client_token_hours: int
    refresh_token_days: int


def behind(proxy: T) -> T:
    """What one of Flask's proxies stands for. Worth it where that is used more than once: a proxy looks every time."""
    return cast("LocalProxy[T]", proxy)._get_current_object()


def services() -> Services:
    return cast(Services, current_app.extensions["parley"])


def web_settings() -> WebSettings:
    return cast(WebSettings, current_app.extensions["parley_web"])


def guest() -> Principal | None:
    """Who is asking, on routes that need no credential and take one."""
    return cast(Principal | None, g.get("principal"))


def principal() -> Principal:
    """Who is asking; only on routes that need a credential."""
    return cast(Principal, g.principal)
