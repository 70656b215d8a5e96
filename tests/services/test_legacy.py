"""The demo's files at the start and by command; other files by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from api.cli.imports import import_files
from api.domain.account_rules import ANONYMOUS
from api.domain.errors import BadCredentials
from api.domain.principal import ALL_SCOPES, Principal
from tests.importers.products import chatgpt
from tests.importers.test_legacy import CHAT, demo, write
from tests.services.trees import exported, talk
from tests.services.whole import Whole


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    folder.mkdir()
    demo(folder)
    return folder


def settings_of(folder: Path) -> dict[str, Any]:
    names = {
        "chat_history_dir": "chats",
        "system_prompts_dir": "system_prompts",
        "system_prompt_file": "system_prompt.txt",
    }
    return {setting: str(folder / name) for setting, name in names.items()}


def anonymous(app: Flask) -> Principal:
    user = app.extensions["parley"].accounts.named(ANONYMOUS)
    return Principal(user.id, user.username, user.role, ALL_SCOPES)


def run(app: Flask, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Result:
    monkeypatch.setattr("api.cli.imports.upgrade_database", lambda: None)
    return app.test_cli_runner().invoke(import_files, [str(one) for one in arguments])


def test_a_server_starts_with_what_the_demo_left(make_app: Callable[..., Flask], legacy: Path) -> None:
    app = make_app(**settings_of(legacy))
    services, who = app.extensions["parley"], anonymous(app)
    assert {chat.slug for chat in services.chats.all(who)} == {"one", "0e2f8a52-5a0f-4e6e-8f30-9a1b5f6e7d8c"}
    chat, path = services.chats.open(who, "one")
    assert (chat.title, [one.content for one in path]) == ("First", ["Hello there", "Hi"])
    assert chat.updated_at.isoformat() == "2024-05-07T00:00:00+00:00"
    assert services.prompts.get(who, "pirate").content == "Arr {{x}}"
    active = services.prompts.active(who)
    assert active is not None
    assert active.content == "Be brief."
    for password in ("", "!", "anonymous"):
        with pytest.raises(BadCredentials):
            services.accounts.authenticate(ANONYMOUS, password)
    assert services.accounts.waits_for_admin(), "it takes nobody's place"


def test_starting_again_adds_nothing_and_brings_back_nothing(make_app: Callable[..., Flask], legacy: Path) -> None:
    first = make_app(**settings_of(legacy))
    services, who = first.extensions["parley"], anonymous(first)
    services.chats.delete(who, "one")
    services.prompts.delete(who, "pirate")
    services.prompts.deactivate(who)
    (legacy / "chats/broken.json").write_text("{")
    write(legacy / "chats/new.json", CHAT)
    again = make_app(**settings_of(legacy)).extensions["parley"]
    assert {chat.slug for chat in again.chats.all(who)} == {"new", "0e2f8a52-5a0f-4e6e-8f30-9a1b5f6e7d8c"}
    assert [one.name for one in again.prompts.library(who) if not one.built_in] == ["System prompt"]
    assert again.prompts.active(who) is None


def test_without_settings_or_files_there_is_no_such_account(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    for settings in ({}, settings_of(tmp_path / "nowhere")):
        services = make_app(**settings).extensions["parley"]
        with pytest.raises(Exception, match="no account"):
            services.accounts.named(ANONYMOUS)


def test_the_command_reports_and_is_idempotent(whole: Whole, legacy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (legacy / "chats/broken.json").write_text("{")
    write(legacy / "chats/index.json", {"chats": {"../../etc/passwd\x1b[2J": {}}})
    first = run(whole.app, monkeypatch, "legacy", legacy)
    assert first.exit_code == 1, "something could not be read"
    assert "legacy files for anonymous: 4 added, 0 extended, 0 unchanged, 2 failed" in first.output
    assert "failed: broken: Its file breaks off." in first.output
    assert "../../etc/passwd" in first.output
    assert "\x1b" not in first.output
    second = run(whole.app, monkeypatch, "legacy", legacy)
    assert "0 added, 0 extended, 4 unchanged, 2 failed" in second.output


def test_the_command_gives_them_to_an_account(whole: Whole, legacy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = whole.chat(whole.ben, slug="one")
    whole.services.prompts.create(whole.ben, {"name": "pirate", "content": "Mine"})
    done = run(whole.app, monkeypatch, "legacy", legacy, "--user", "ben", "--all")
    assert done.exit_code == 0, done.output
    assert len(whole.services.chats.all(whole.ben)) == 3
    assert str(whole.services.chats.get(whole.ben, "one").id) == taken, "what was there keeps its name"
    assert whole.services.prompts.get(whole.ben, "pirate").content == "Mine"
    assert "pirate-2" in done.output


def test_a_changed_file_of_the_demo_adds_what_was_said_since(
    whole: Whole, legacy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(whole.app, monkeypatch, "legacy", legacy, "--user", "ben")
    more = [*CHAT["messages"], {"role": "user", "content": "More", "timestamp": "2024-06-01T00:00:00"}]  # type: ignore[misc]
    write(legacy / "chats/one.json", CHAT | {"messages": more})
    assert "1 extended" in run(whole.app, monkeypatch, "legacy", legacy, "--user", "ben").output
    assert len(whole.services.chats.open(whole.ben, "one")[1]) == 3


def test_a_file_by_command(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tmp_path / "ours.json"
    ours.write_bytes(exported(whole, whole.ann, talk(whole, whole.ann, "a", "b")))
    theirs = tmp_path / "conversations.json"
    theirs.write_text(json.dumps([chatgpt(), {"title": "Odd"}]))
    assert "ours.json for ben: 1 added" in run(whole.app, monkeypatch, ours, "--user", "ben").output
    mixed = run(whole.app, monkeypatch, theirs, "--user", "ben@example.org")
    assert (mixed.exit_code, "1 added" in mixed.output, "failed: Odd:" in mixed.output) == (1, True, True)
    assert len(whole.services.chats.all(whole.ben)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["legacy", "/nowhere"], "no folder"),
        (["legacy", "."], "neither chats/"),
        (["x.json"], "--user"),
        (["x.json", "--user", "ann"], "cannot be read"),
        (["x.json", "--user", "nobody"], "no account"),
        (["x.json", "y"], "one FILE"),
    ],
)
def test_what_the_command_refuses(
    whole: Whole, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run(whole.app, monkeypatch, *arguments)
    assert refused.exit_code != 0
    assert words in refused.output
