"""gunicorn's entry: `api.wsgi:app`, made when it is first asked for, so that importing has no effect."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    app: Flask


def __getattr__(name: str) -> Flask:
    if name != "app":
        raise AttributeError(name)
    from api.app import create_app
    from api.config import ConfigError, load
    from api.db import SchemaError
    from api.web import logs

    try:
        settings = load()
        logs.configure(settings.log_level, settings.log_format)
        return create_app(settings)
    except (ConfigError, SchemaError) as error:
        sys.stderr.write(f"parley: {error}\n")
        sys.exit(4)  # gunicorn's arbiter takes 3 and 4 as "do not try again"
