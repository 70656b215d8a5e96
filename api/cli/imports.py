"""`import FILE --user NAME` and `import legacy PATH`: chats from files, read here and now, with a report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from flask.cli import with_appcontext

from api.cli.common import errors_in_one_line, services, upgrade_database
from api.domain.errors import Invalid
from api.domain.imports import ImportResult
from api.domain.principal import ALL_SCOPES, Principal

LEGACY = "legacy"
PAGE = 500


@click.command("import")
@with_appcontext
@click.argument("what")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--user", help="The account that gets them: its username or email address.")
@click.option("--all", "everything", is_flag=True, help="Report every conversation, not only those that failed.")
def import_files(what: str, path: Path | None, user: str | None, everything: bool) -> None:
    """Import chats: FILE is an export of Parley, ChatGPT, Claude, Open WebUI or LibreChat (zip or JSON); or `legacy
    PATH`, where PATH holds chats/, system_prompts/ and system_prompt.txt, for the account `anonymous` or --user."""
    upgrade_database()
    with errors_in_one_line():
        who = _account(user) if user else None
        if what == LEGACY and path is not None:
            failed = _legacy(path, who, everything)
        elif path is not None:
            raise click.UsageError("Give one FILE, or `legacy` and a PATH.")
        elif who is None:
            raise click.UsageError("Say whose chats they shall be: --user NAME.")
        else:
            failed = _file(Path(what), who, everything)
    if failed:
        raise click.exceptions.Exit(1)


def _account(name: str) -> Principal:
    user = services().accounts.named(name)
    return Principal(user.id, user.username, user.role, ALL_SCOPES)


def _legacy(folder: Path, who: Principal | None, everything: bool) -> int:
    if not folder.is_dir():
        raise Invalid(f"{folder} is no folder.")
    report = services().legacy.take_from(folder, who)
    _tell(report.results, everything)
    click.echo(report.words)
    return report.count("failed")


def _file(path: Path, who: Principal, everything: bool) -> int:
    imports = services().imports
    try:
        with path.open("rb") as file:
            run = imports.whole(who, file, path.stat().st_size)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    after, more = 0, True
    while more:
        seen = imports.seen(who, str(run.id), after, PAGE)
        _tell(seen.results, everything)
        after, more = after + PAGE, seen.more
    click.echo(
        f"{path.name} for {who.username}: {run.added} added, {run.extended} extended, {run.unchanged} unchanged, "
        f"{run.failed} failed"
    )
    if run.state != "complete":
        raise Invalid(run.detail or run.state)
    return run.failed


def _tell(results: Iterable[ImportResult], everything: bool) -> None:
    for one in results:
        if everything or one.outcome == "failed" or one.detail:
            told = f"{one.outcome}: {one.title}" + (f": {one.detail}" if one.detail else "")
            click.echo("".join(char if char.isprintable() else "\ufffd" for char in told))
