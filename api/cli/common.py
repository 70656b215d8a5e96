"""What all commands share: the settings, the database and the services that the server has too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import cast

import click
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from api.config import ConfigError, Settings, load
from api.db import Database, SchemaError, upgrade
from api.domain.errors import AppError
from api.services.registry import Services
from api.services.vault import KeyMissing


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


def upgrade_database() -> None:
    """So that the first command on a new machine needs no server to have run."""
    upgraded(settings()).dispose()


def services() -> Services:
    return cast(Services, current_app.extensions["parley"])


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except (AppError, SchemaError, KeyMissing) as error:
        raise click.ClickException(getattr(error, "detail", str(error))) from error
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise click.ClickException(
            f"The database failed meanwhile ({words}). Look at its log, then try again."
        ) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error
