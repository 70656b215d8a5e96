"""What the documents tell to type works, and what they name is there."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from flask import Flask

from api.cli.generated import generated
from api.cli.imports import import_files
from api.cli.operations import commands
from api.cli.users import users
from api.cli.vault import vault
from tests.server import ROOT, running_server

PAGES = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")]
PAGES += sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "errors.md")
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
FLASK = re.compile(r"flask --app api\.cli ((?!db )[a-z][^\n`#|;)]*)")
MAKE = re.compile(r"(?:^ {4}|`)make ([a-z-]+)", re.M)


def cases(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    return sorted({(name, found.strip()) for name, text in TEXTS.items() for found in pattern.findall(text)})


@pytest.mark.parametrize(("page", "line"), cases(FLASK))
def test_a_command_takes_what_is_written(page: str, line: str) -> None:
    """Its name, arguments and options are parsed as they stand; tests/test_operations.py runs them all."""
    words = [word.replace("…", "x") for word in shlex.split(line)]
    every = (*commands(), users(), generated(), vault(), import_files)
    known: dict[str, click.Command] = {str(command.name): command for command in every}
    command = known[words.pop(0)]
    while isinstance(command, click.Group) and words and words[0] != "--help":
        command = command.commands[words.pop(0)]
    if words and words[0] != "--help":
        command.make_context("documented", words)


@pytest.mark.parametrize(("page", "target"), cases(MAKE))
def test_a_target_of_make_exists(page: str, target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), f"{page}: make {target}"


@pytest.mark.parametrize("page", TEXTS)
def test_what_is_named_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", TEXTS[page])
    missing = [link for link in links if not ((ROOT / page).parent / link).exists()]
    named = re.findall(r"`((?:tests|deploy|api|ui|docs)/[\w./]+?)/?`", TEXTS[page])
    made = [name for name in named if "/acme" in name]  # by tests/test_extending.py
    missing += [name for name in named if name not in made and not (ROOT / name).exists()]
    assert not missing


def test_the_first_five_minutes_with_curl(sqlite_url: str, tmp_path: Path) -> None:
    """Every block of the README, typed one after the other into one shell."""
    blocks = re.findall(r"```bash\n(.*?)```", TEXTS["README.md"], re.S)
    assert len(blocks) >= 3
    with running_server(sqlite_url, tmp_path) as server:
        script = "set -euo pipefail\n" + "\n".join(blocks)
        script = script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{server.port}").replace("demo:slow ", "")
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("event: finished") == 2, done.stdout[-2000:]


def test_the_settings_file_of_the_documents_is_read(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    from api.config import load
    from tests.conftest import SECRETS

    (block,) = re.findall(r"```yaml\n(.*?)```", TEXTS["docs/operations.md"], re.S)
    (tmp_path / "parley.yml").write_text(block)
    environment = {name.upper(): value for name, value in SECRETS.items()}
    settings = load(environment | {"CONFIG_FILE": str(tmp_path / "parley.yml"), "DATA_DIR": str(tmp_path)})
    make_app(model_configs=settings.model_configs)
    assert settings.registration == "closed"
