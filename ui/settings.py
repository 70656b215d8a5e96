"""The page's settings: the only place in `ui` that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """`trusted_proxies` counts the proxies in front of the page whose X-Forwarded-For entries are believed."""

    api_url: str = "http://127.0.0.1:8000"
    public_api_url: str = ""  # the API as people's programs reach it, for snippets; api_url where it is not set
    page_secret: str = ""
    cookie_name: str = "parley_session"
    cookie_secure: bool | None = None  # None: secure when the browser came over https
    cookie_days: int = 30
    trusted_proxies: int = 0


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment; empty values count as unset. PAGE_SECRET_FILE may name a file with the secret."""
    value = {name: text.strip() for name, text in environ.items() if text.strip()}
    api_url = value.get("API_URL", Settings.api_url).rstrip("/")
    if "PAGE_SECRET" not in value and (path := value.get("PAGE_SECRET_FILE")):
        value["PAGE_SECRET"] = Path(path).read_text(encoding="utf-8").strip()
    secure = value.get("COOKIE_SECURE", "auto").lower()
    public_url = value.get("PUBLIC_URL", "")
    return Settings(
        api_url=api_url,
        public_api_url=value.get("PUBLIC_API_URL", api_url).rstrip("/"),
        page_secret=value.get("PAGE_SECRET", ""),
        cookie_name=value.get("COOKIE_NAME", Settings.cookie_name),
        cookie_secure=(
            {"true": True, "1": True, "false": False, "0": False}.get(secure)
            if secure != "auto"
            else (True if public_url.startswith("https://") else None)
        ),
        cookie_days=_whole(value.get("SESSION_DAYS"), Settings.cookie_days),
        trusted_proxies=_whole(value.get("TRUSTED_PROXIES"), 0),
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings, read once."""
    return read(os.environ)  # noqa: TID251 - this is the one place


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default
