"""The command line: `flask --app api.cli <group> <command>`; Flask calls `create_app` to find the commands."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from api.cli.common import settings
from api.cli.generated import generated
from api.cli.imports import import_files
from api.cli.operations import commands
from api.cli.users import users
from api.cli.vault import vault
from api.db import MIGRATIONS, Database
from api.models import METADATA


def create_app() -> Flask:
    """The application with our commands, from the settings that the server has too."""
    from api.app import create_app as make

    known = settings()
    app = make(known, migrate=False)
    _add_migrations(app, Database(known.sqlalchemy_url, pool_size=1))
    app.cli.add_command(users())
    app.cli.add_command(vault())
    app.cli.add_command(generated())
    for command in (*commands(), import_files):
        app.cli.add_command(command)
    return app


def _add_migrations(app: Flask, database: Database) -> None:
    """`flask --app api.cli db …`: flask-sqlalchemy lends the metadata, our own engine does the work."""
    app.config["SQLALCHEMY_DATABASE_URI"] = database.url
    holder = SQLAlchemy(app, metadata=METADATA)
    migrate = Migrate(app, holder, directory=str(MIGRATIONS))

    @migrate.configure  # type: ignore[untyped-decorator]
    def _engine(config: Any) -> Any:
        config.attributes["engine"] = database.writer
        return config
