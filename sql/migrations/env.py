"""Runs the migrations: over a connection that the caller gives, or offline as SQL for PostgreSQL."""

from __future__ import annotations

from alembic import context
from sqlalchemy.engine import Connection

from api.models import METADATA
from api.models.base import is_declared

OPTIONS = {
    "target_metadata": METADATA,
    "render_as_batch": True,
    "include_name": is_declared,
    "compare_type": True,
    "compare_server_default": True,
    "transaction_per_migration": True,
}


def offline() -> None:
    context.configure(
        dialect_name="postgresql", literal_binds=True, output_buffer=context.config.output_buffer, **OPTIONS
    )
    with context.begin_transaction():
        context.run_migrations()


def online(connection: Connection) -> None:
    context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    offline()
else:
    given = context.config.attributes.get("connection")
    if given is not None:
        online(given)
    else:  # `flask db …` gives the engine
        with context.config.attributes["engine"].connect() as opened:
            online(opened)
