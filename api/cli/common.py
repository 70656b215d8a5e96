"""What all commands share: the settings and the database that the server has too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from api.config import ConfigError, Settings, load
from api.db import Database, SchemaError, upgrade
from api.domain.errors import AppError


def settings() -> Settings:
    try:
        return load()
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def upgraded(settings: Settings) -> Database:
    """The database at this code's schema; the caller disposes of it."""
    database = Database(settings.sqlalchemy_url, pool_size=1)
    try:
        upgrade(database)
    except SchemaError as error:
        raise click.ClickException(str(error)) from error
    return database


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except (AppError, SchemaError) as error:
        raise click.ClickException(getattr(error, "detail", str(error))) from error
