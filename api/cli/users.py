"""`users list`, `create`, `promote`, `demote`, `disable`, `enable`, `delete`, `reset-password`."""

from __future__ import annotations

import sys
from dataclasses import replace

import click
from flask.cli import AppGroup

from api.cli.common import errors_in_one_line, services, upgrade_database
from api.domain.accounts import Found
from api.domain.audit import COMMAND_LINE
from api.domain.ids import parse_id
from api.services.accounts import NewAccount


def users() -> click.Group:
    """The group `users`."""
    group = AppGroup(
        "users", help="Accounts: who there is, who may sign in, who is an administrator.", callback=upgrade_database
    )
    stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")

    @group.command("list")
    @click.option("--search", default="", help="Only those with this in their name or email address.")
    def list_(search: str) -> None:
        """One account a line, newest first: username, email address, role, state, day of registration."""
        found: Found | None = Found(search=search)
        while found is not None:
            with errors_in_one_line():
                page = services().administration.users(found)
            for user in page.items:
                state = "active" if user.is_active else "disabled"
                click.echo(f"{user.username}\t{user.email}\t{user.role}\t{state}\t{user.created_at:%Y-%m-%d}")
            found = replace(found, before=parse_id(page.next_cursor)) if page.next_cursor else None

    @group.command("create")
    @click.argument("email")
    @click.argument("username")
    @click.option("--full-name", help="The name shown to others.")
    @click.option("--admin", is_flag=True, help="Make it an administrator.")
    @stdin
    def create(email: str, username: str, full_name: str | None, admin: bool, password_stdin: bool) -> None:
        """Make an account, whatever REGISTRATION says."""
        with errors_in_one_line():
            new = NewAccount(email, username, ask_password(password_stdin), full_name)
            user = services().administration.create(COMMAND_LINE, new, "admin" if admin else "member")
        click.echo(f"{user.username} <{user.email}> is now {'an admin' if admin else 'a member'}.")

    @group.command("reset-password")
    @click.argument("name")
    @stdin
    def reset_password(name: str, password_stdin: bool) -> None:
        """Set a new password and end all sessions; NAME is the username or email address."""
        with errors_in_one_line():
            user = services().accounts.named(name)
            services().administration.set_password(COMMAND_LINE, user.id, ask_password(password_stdin))
        click.echo(f"{user.username} has a new password; all sessions have ended.")

    _add_access(group)
    return group


def _add_access(group: click.Group) -> None:
    """Who may still sign in, and who is an administrator."""

    def change(name: str, **changes: object) -> str:
        with errors_in_one_line():
            user = services().accounts.named(name)
            return services().administration.change(COMMAND_LINE, user.id, changes).username

    @group.command("promote")
    @click.argument("name")
    def promote(name: str) -> None:
        """Make an account an administrator; NAME is its username or email address."""
        click.echo(f"{change(name, role='admin')} is now an admin.")

    @group.command("demote")
    @click.argument("name")
    def demote(name: str) -> None:
        """Make an administrator a member again; the last one stays."""
        click.echo(f"{change(name, role='member')} is now a member.")

    @group.command("disable")
    @click.argument("name")
    def disable(name: str) -> None:
        """Shut an account out at once, everywhere; what it has is kept."""
        click.echo(f"{change(name, is_active=False)} can no longer sign in.")

    @group.command("enable")
    @click.argument("name")
    def enable(name: str) -> None:
        """Let a disabled account sign in again."""
        click.echo(f"{change(name, is_active=True)} can sign in again.")

    @group.command("delete")
    @click.argument("name")
    @click.confirmation_option(prompt="Delete the account and all its chats?")
    def delete(name: str) -> None:
        """Delete an account and everything that belongs to it; the last administrator stays."""
        with errors_in_one_line():
            user = services().accounts.named(name)
            services().administration.delete(COMMAND_LINE, user.id)
        click.echo(f"{user.username} and all that belonged to the account are gone.")


def ask_password(from_stdin: bool) -> str:
    """From standard input (its first line), or typed twice at a terminal."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.ClickException("There is no terminal to ask at; give the password with --password-stdin.")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password
