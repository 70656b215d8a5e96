"""What running a server takes: `upgrade`, `backup`, `verify`, `restore`, `move`, `check-config`, `prune`."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import time
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import SecretStr

from api import wiring
from api.cli.common import errors_in_one_line, settings, upgraded
from api.cli.doctor import doctor
from api.config import Settings
from api.db import Database, SchemaError, current_revision
from api.domain import clock
from api.repositories.diagnosis import Diagnosis
from api.services.backups import BackupService, Summary, default_name

HOUR = 3600.0
PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")  # in an address
replace = click.option("--replace", is_flag=True, help="Drop what the database holds now.")
archive = click.argument("file", type=click.Path(path_type=Path))


def commands() -> list[click.Command]:
    """The commands that stand at the top, without a group."""
    return [upgrade, backup, verify, restore, move, check_config, doctor, prune]


@contextlib.contextmanager
def _database(url: str) -> Iterator[Database]:
    database = Database(url, 2)
    try:
        yield database
    finally:
        database.dispose()


@contextlib.contextmanager
def _backups() -> Iterator[BackupService]:
    known = settings()
    with errors_in_one_line(), _database(known.sqlalchemy_url) as database:
        yield wiring.backups(known, database)


def _told(summary: Summary) -> str:
    return f"{summary.rows} rows, {summary.files} files, schema {summary.schema}"


@click.command("upgrade")
def upgrade() -> None:
    """Bring the database to this code's schema, safely any number of times; a SQLite file is copied first."""
    database = upgraded(settings())
    click.echo(f"The database is at schema {current_revision(database)}.")
    database.dispose()


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--keep", type=click.IntRange(1), help="Keep only this many of the newest in the folder.")
@click.option("--every", type=click.FloatRange(0, min_open=True), help="Go on, with a backup every so many hours.")
def backup(file: Path | None, keep: int | None, every: float | None) -> None:
    """Back up database and files while the server runs, and verify it.

    FILE is a name that ends with .zip, or a folder for parley-<time>.zip; without one it is DATA_DIR/backups.
    """
    while True:
        target = file or settings().data_dir / "backups"
        target = target if target.suffix == ".zip" else target / default_name(clock.now())
        with _backups() as service:
            summary = service.backup(target)
        click.echo(f"{target}: {_told(summary)}, verified.")
        for old in sorted(target.parent.glob("parley-*.zip"))[: -keep if keep else 0]:
            old.unlink()
        if not every:
            return
        time.sleep(every * HOUR)


@click.command("verify")
@archive
def verify(file: Path) -> None:
    """Read a backup whole and compare it with its own hashes."""
    with _backups() as service:
        click.echo(f"{file}: {_told(service.verify(file))}, as written.")


@click.command("restore")
@archive
@replace
def restore(file: Path, replace: bool) -> None:
    """Make this instance what a backup says; the server must be stopped. Everybody signs in again afterwards."""
    with _backups() as service:
        summary = service.restore(file, replace=replace)
    click.echo(f"Restored {_told(summary)}. All sessions have ended.")
    if summary.unreadable_keys:
        raise click.ClickException(
            f"{summary.unreadable_keys} provider keys were sealed with a key that ENCRYPTION_KEY does not hold: "
            "add the key of that time to it, after a comma."
        )


@click.command("move")
@click.option("--to", "url", required=True, help="The other database's URL.")
@replace
def move(url: str, replace: bool) -> None:
    """Carry all data to another database, SQLite or PostgreSQL, and compare; the servers of both must be stopped."""
    known = settings()
    there = Settings(database_url=url, data_dir=known.data_dir, db_password=SecretStr("")).sqlalchemy_url
    if there == known.sqlalchemy_url:
        raise click.ClickException("That is the database that is in use already.")
    try:
        with _backups() as service, _database(there) as target:
            summary = service.move(target, replace=replace)
    except SchemaError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Moved {summary.rows} rows, hashes equal. Now set DATABASE_URL={url} and start the server.")


@click.command("check-config")
def check_config() -> None:
    """Read all settings as the server would; show those that differ from their default. Secrets are not shown."""
    known = settings()
    for name, field in Settings.model_fields.items():
        value = getattr(known, name)
        if value == field.get_default():
            continue
        shown = "(set)" if isinstance(value, SecretStr) else PASSWORD.sub(r"\1:***@", str(value))
        click.echo(f"{name.upper()}={shown}")
    click.echo("The settings are in order.")


@click.command("prune")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="Keep what is younger.")
@click.option("--compact", is_flag=True, help="Give a SQLite file's free pages back to the disk; all wait meanwhile.")
def prune(days: int, compact: bool) -> None:
    """Remove ended and unused sessions, and copies that migrations and restores left; nothing that people wrote."""
    known = settings()
    database = upgraded(known)
    before = clock.now() - dt.timedelta(days=days)
    try:
        with database.writer.begin() as connection:
            ended = Diagnosis(connection).remove_sessions(before)
        left = [path for path in _leftovers(known.data_dir) if path.stat().st_mtime < before.timestamp()]
        for path in left:
            path.unlink()
        if compact:
            with database.reader.connect() as connection:
                Diagnosis(connection).compact()
    finally:
        database.dispose()
    click.echo(f"Removed {ended} sessions and {len(left)} old copies.")


def _leftovers(data_dir: Path) -> Iterator[Path]:
    yield from data_dir.glob("*.replaced-*")
    yield from (data_dir / "backups").glob("*-schema-*.db")
