"""What all commands share: the settings and the database that the server has too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click
from sqlalchemy.exc import SQLAlchemyError

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
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise click.ClickException(
            f"The database failed meanwhile ({words}). Look at its log, then try again."
        ) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error
