"""The page's settings: the only place in `ui` that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SECURE = {"true": True, "1": True, "false": False, "0": False, "auto": None}
MOST = 3650


class BadSetting(ValueError):
    """A setting that cannot be meant; one line for a person."""


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
    """Settings from an environment; empty values count as unset. PAGE_SECRET_FILE may name a file with the secret.

    Raises BadSetting.
    """
    value = {name: text.strip() for name, text in environ.items() if text.strip()}
    api_url = value.get("API_URL", Settings.api_url).rstrip("/")
    if "PAGE_SECRET" not in value and (path := value.get("PAGE_SECRET_FILE")):
        value["PAGE_SECRET"] = Path(path).read_text(encoding="utf-8").strip()
    secure = value.get("COOKIE_SECURE", "auto").lower()
    if secure not in SECURE:
        raise BadSetting(f"COOKIE_SECURE must be true, false or auto, not {secure!r}")
    public_url = value.get("PUBLIC_URL", "")
    return Settings(
        api_url=api_url,
        public_api_url=value.get("PUBLIC_API_URL", api_url).rstrip("/"),
        page_secret=value.get("PAGE_SECRET", ""),
        cookie_name=value.get("COOKIE_NAME", Settings.cookie_name),
        cookie_secure=SECURE[secure] if secure != "auto" else public_url.startswith("https://") or None,
        cookie_days=_whole(value, "SESSION_DAYS", Settings.cookie_days, least=1),
        trusted_proxies=_whole(value, "TRUSTED_PROXIES", 0, least=0),
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings, read once."""
    return read(os.environ)  # noqa: TID251 - this is the one place


def _whole(value: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = value.get(name, str(default))
    if not text.isdecimal() or not least <= int(text) <= MOST:
        raise BadSetting(f"{name} must be a whole number from {least} to {MOST}, not {text!r}")
    return int(text)
