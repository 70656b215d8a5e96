"""The commands as an operator types them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from api import cli
from api.app import create_app
from api.config import ConfigError, Settings
from api.domain.audit import COMMAND_LINE, Sought
from api.domain.principal import ALL_SCOPES, Principal
from api.services.accounts import AccountService, NewAccount
from api.services.registry import Services

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"
Command = Callable[..., Result]


@pytest.fixture
def users(
    make_app: Callable[..., Flask], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`users("promote", "ann")`"""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    runner = make_app(registration="closed").test_cli_runner()
    return lambda *words, stdin="": runner.invoke(cli.users(), words, input=stdin)


@pytest.fixture
def services(users: Command, make_app: Callable[..., Flask]) -> Services:
    found: Services = make_app().extensions["parley"]
    return found


@pytest.fixture
def accounts(services: Services) -> AccountService:
    return services.accounts


def test_accounts_are_made_promoted_and_given_new_passwords(users: Command, accounts: AccountService) -> None:
    made = users("create", "ann@example.org", "ann", "--admin", "--password-stdin", stdin=PASSWORD + "\n")
    assert (made.exit_code, made.stdout) == (0, "ann <ann@example.org> is now an admin.\n")
    assert accounts.authenticate("ann", PASSWORD).role == "admin"
    assert not accounts.waits_for_admin()
    made = users("create", "b@x.org", "ben", "--full-name", "Ben", "--password-stdin", stdin=PASSWORD)
    assert (made.exit_code, made.stdout) == (0, "ben <b@x.org> is now a member.\n")
    assert accounts.authenticate("ben", PASSWORD).full_name == "Ben"
    promoted = users("promote", "B@x.org")
    assert (promoted.exit_code, promoted.stdout) == (0, "ben is now an admin.\n")
    assert users("reset-password", "ben", "--password-stdin", stdin="short").stderr == f"Error: {NO_PASSWORD}\n"
    assert users("reset-password", "ben", "--password-stdin", stdin="another password\r\n").exit_code == 0
    assert accounts.authenticate("ben", "another password").role == "admin"


def test_what_a_command_changes_is_in_the_audit_log_once(users: Command, services: Services) -> None:
    users("create", "ann@example.org", "ann", "--password-stdin", stdin=PASSWORD)
    for _ in range(2):
        assert users("promote", "ann").exit_code == 0
    users("reset-password", "ann", "--password-stdin", stdin=PASSWORD)
    entries = services.audit.page(Sought()).items
    assert [entry.action for entry in entries] == ["user.set_password", "user.change", "user.create"]
    assert {entry.actor for entry in entries} == {COMMAND_LINE}


def test_accounts_are_listed_a_line_each(users: Command, services: Services) -> None:
    """More than one page of them, every one once."""
    names = [f"person{number}" for number in range(51)]
    for name in names:
        services.administration.create(COMMAND_LINE, NewAccount(f"{name}@example.org", name, PASSWORD))
    users("disable", "person7")
    listed = [line.split("\t") for line in users("list").stdout.splitlines()]
    assert [row[0] for row in listed] == names[::-1]
    assert [row[1:4] for row in listed if row[0] == "person7"] == [["person7@example.org", "member", "disabled"]]
    found = users("list", "--search", "person50@").stdout
    assert found.startswith("person50\tperson50@example.org\tmember\tactive\t20")
    assert found.count("\n") == 1


NO_TERMINAL = "There is no terminal to ask at; give the password with --password-stdin."
NO_EMAIL = "Give a complete email address of at most 254 characters."
NO_PASSWORD = "A password has 8 to 200 characters."


@pytest.mark.parametrize(
    ("words", "stdin", "line"),
    [
        (("promote", "nobody"), "", "There is no account nobody."),
        (("create", "ann@x.org", "ann"), "", NO_TERMINAL),
        (("create", "ann", "ann", "--password-stdin"), PASSWORD, NO_EMAIL),
        (("create", "a@x.org", "ann", "--password-stdin"), "short", NO_PASSWORD),
        (("reset-password", "nobody", "--password-stdin"), PASSWORD, "There is no account nobody."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(users: Command, words: tuple[str, ...], stdin: str, line: str) -> None:
    refused = users(*words, stdin=stdin)
    assert (refused.exit_code, refused.stderr) == (1, f"Error: {line}\n")


def test_provider_keys_get_the_newest_encryption_key(
    settings: Callable[..., Settings], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)
    old, new = "4a" * 16 + "b7" * 16, "9b74c9897bac770f" * 4

    @contextmanager
    def server(key: str, *, starts: bool = True) -> Iterator[Flask]:
        app = create_app(settings(encryption_key=key), migrate=starts)
        yield app
        app.extensions["parley_close"]()

    def rotate(key: str) -> Result:
        with server(key, starts=False) as app:
            return app.test_cli_runner().invoke(cli.vault(), ("rotate",))

    with server(old) as app:
        services: Services = app.extensions["parley"]
        user = services.accounts.register(NewAccount("ann@example.org", "ann", PASSWORD))
        ann = Principal(user.id, user.username, user.role, ALL_SCOPES)
        config = {"name": "mine", "provider": "openai", "api_key": "sk-proj-0123456789abcdefCANARY"}
        made = services.model_configs.create(ann, config)
    with pytest.raises(ConfigError, match="ENCRYPTION_KEY lacks the key"), server(new):
        pass
    refused = rotate(new)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert rotate(f"{new},{old}").stdout.startswith("1 keys were encrypted anew")
    with server(new) as app:
        assert app.extensions["parley"].model_configs.get(ann, str(made.id)).api_key == "sk-proj-…NARY"
    assert rotate(new).stdout.startswith("0 keys")


def _flask(data: Path, *words: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, with a data folder that starts out empty."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}  # noqa: TID251
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "api.cli", *words],
        cwd=ROOT,
        env=kept | {"DATA_DIR": str(data), "HOME": str(data)} | settings,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_first_command_on_a_new_machine_makes_the_database(tmp_path: Path) -> None:
    words = ("users", "create", "ann@example.org", "ann", "--admin", "--password-stdin")
    made = _flask(tmp_path, *words, stdin=PASSWORD)
    assert (made.returncode, made.stdout) == (0, "ann <ann@example.org> is now an admin.\n"), made.stderr


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    refused = _flask(tmp_path, "users", "promote", "ann", API_PORT="x")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: API_PORT ")
    assert refused.stderr.count("\n") == 1
