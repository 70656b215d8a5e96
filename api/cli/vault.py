"""`vault rotate`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from api.cli.common import errors_in_one_line, services, upgrade_database


def vault() -> click.Group:
    group = AppGroup("vault", help="The encrypted provider keys.", callback=upgrade_database)

    @group.command("rotate")
    @click.option("--lost", is_flag=True, help="Go on though a key is lost: what it sealed must be entered again.")
    def rotate(lost: bool) -> None:
        """Encrypt every stored provider key anew with the newest key of ENCRYPTION_KEY.

        Servers may run meanwhile, with the same ENCRYPTION_KEY. Ended half-way it is simply run again.
        """
        with errors_in_one_line():
            done = services().vault.rotate(lost=lost, told=lambda count: click.echo(f"{count} …", err=True))
        click.echo(f"{done.resealed} keys were encrypted anew; all that can be read have the newest key.")
        if done.unreadable:
            names = ", ".join(map(repr, done.unreadable[:20]))
            click.echo(f"{len(done.unreadable)} cannot be read and must be entered again: {names}", err=True)

    return group
