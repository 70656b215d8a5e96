"""What the documents tell to type works, and what they name is there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
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
from tests.conftest import ON_SQLITE, SECRETS
from tests.documents import TEXTS, compose_grammar, compose_words, every
from tests.server import ROOT, running_server
from tests.web.conftest import register, sign_in

FLASK = re.compile(r"flask --app api\.cli ((?!db )[a-z][^\n`#|;)]*)")
MAKE = re.compile(r"(?:[A-Z_]+=\S+ )*make ")
OURS = (
    MAKE,  # test_make_takes_what_is_written
    re.compile(r"flask --app api\.cli "),  # test_a_command_takes_what_is_written
    re.compile(r"docker compose "),  # test_compose_takes_what_is_written, tests/stack/test_containers.py
    re.compile(r"(\.venv/bin/)?python -m bench\."),  # test_a_measurement_takes_what_is_written
    re.compile(r"curl "),  # test_the_first_five_minutes_with_curl
    re.compile(r"llm (keys|openai|-m|logs) "),  # tests/clients/test_llm.py
    re.compile(r"openssl rand -hex 32$|\. \.venv/bin/activate$"),  # test_what_else_is_typed
)
ALONE = {"PATH": "/usr/bin:/bin"}  # without MAKEFLAGS, in which `make test ARGS=…` hands its ARGS on
NOT_OURS = {"git pull", "docker restart", "podman compose", "podman unshare chown"}


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


def test_whatever_is_typed_is_of_a_kind_that_a_test_knows() -> None:
    strange = {line for line in every() if not any(kind.match(line) for kind in OURS)}
    assert strange == NOT_OURS
    assert len(every()) > 60


def test_make_takes_what_is_written() -> None:
    """It says what it would do: the target is there, and ARGS stand where they are wanted."""
    for line in filter(MAKE.match, every()):
        shell = ["bash", "-c", line.replace("make ", "make --dry-run ", 1)]
        done = subprocess.run(shell, cwd=ROOT, env=ALONE, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        for words in re.findall(r'ARGS="?([^"]+)"?$', line):
            assert words in done.stdout, f"{line} leaves out {words}"


def test_compose_takes_what_is_written() -> None:
    """In the documents and behind `make`; tests/stack has the real one read them."""
    commands = ["make", "--dry-run", "up", "down", "logs", "ps", "check"]
    done = subprocess.run(commands, cwd=ROOT, env=ALONE, capture_output=True, text=True, check=True, timeout=60)
    made = re.findall(r"docker compose ((?!version)[^\n|;>)]+)", done.stdout)
    assert len(made) >= 6
    assert len(compose_words()) >= 8
    for words in [*map(shlex.split, made), *compose_words()]:
        compose_grammar().parse_args(words)


def test_a_measurement_takes_what_is_written() -> None:
    for line in every():
        if " -m bench." in line:
            module, *words = shlex.split(line.partition(" -m ")[2])
            source = (ROOT / f"{module.replace('.', '/')}.py").read_text()
            assert '__name__ == "__main__"' in source, line
            if words:
                asked = [sys.executable, "-m", module, *words, "--help"]
                done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
                assert done.returncode == 0, f"{line}: {done.stderr}"
                assert all(word in done.stdout for word in words), line


def test_what_else_is_typed(tmp_path: Path) -> None:
    """A key as the documents make it is one that the server takes; `flask` is where make puts it."""
    from api.config import load

    (line,) = (line for line in every() if line.startswith("openssl"))
    key = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    environment = {name.upper(): value for name, value in SECRETS.items()} | {
        "ENCRYPTION_KEY": f"{key},{'ab12cd34ef560789' * 4}"
    }
    assert load(environment | {"DATA_DIR": str(tmp_path)}).encryption_key
    (line,) = (line for line in every() if line.startswith(". "))
    assert f" -m venv --clear {line.split()[1].removesuffix('/bin/activate')}" in (ROOT / "Makefile").read_text()


@ON_SQLITE
def test_requests_of_the_documents_are_taken(make_app: Callable[..., Flask]) -> None:
    client = make_app().test_client()
    register(client, "ann")
    ann = sign_in(client, "ann")
    budgets = re.findall(r"^ {4}PUT (/\S+) (\{.*\})$", TEXTS["docs/budgets.md"], re.M)
    rules = re.findall(r"`PUT (/admin/limits)`.*?^ {4}(\{.*?\})\n\n", TEXTS["docs/administration.md"], re.M | re.S)
    assert (len(budgets), len(rules)) == (2, 1)
    for path, body in budgets + rules:
        answer = ann.ask("PUT", path, json.loads(body.replace("…", ann.id)))
        assert answer.status_code == 200, (body, answer.text)


@pytest.mark.parametrize("page", TEXTS)
def test_what_is_named_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", TEXTS[page])
    missing = [link for link in links if not ((ROOT / page).parent / link).exists()]
    named = re.findall(r"`((?:tests|deploy|api|ui|docs)/[\w./]+?)/?`", TEXTS[page])
    made = [name for name in named if "/acme" in name]  # by tests/test_extending.py
    missing += [name for name in named if name not in made and not (ROOT / name).exists()]
    assert not missing


def test_the_first_five_minutes_with_curl(sqlite_url: str, tmp_path: Path) -> None:
    """Every block of the README, typed one after the other into one shell, and the curl of the other documents."""
    blocks = re.findall(r"```bash\n(.*?)```", TEXTS["README.md"], re.S)
    assert len(blocks) >= 3
    (models,) = (line for line in every() if line.startswith("curl -sS $api/v1/models"))
    (completion,) = re.findall(r"^ {4}(curl https://parley.*\n.*)$", TEXTS["docs/clients.md"], re.M)
    completion = completion.replace("https://parley.example.com", "$api").replace("openai/gpt-4o", "demo/demo")
    with running_server(sqlite_url, tmp_path) as server:
        script = "\n".join(["set -euo pipefail", *blocks, models, "KEY=$key", completion])
        script = script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{server.port}").replace("demo:slow ", "")
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("event: finished") == 2, done.stdout[-2000:]
    assert '"id":"demo/demo"' in done.stdout
    assert done.stdout.rstrip().endswith("data: [DONE]")


def cells(page: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.split("|")] for row in re.findall(r"^\|(.*)\|$", TEXTS[page], re.M)]


def test_the_figures_beside_others_are_those_of_the_bench() -> None:
    """SQLite's and PostgreSQL's, and the passthrough's of the same run, rounded."""
    told = {row[0]: row[1:] for row in cells("README.md")}
    measured, cell = {}, ""
    for row in cells("bench/README.md"):
        cell = row[0] or cell
        measured[row[0] if len(row) == 4 else f"{cell} {row[1]}"] = row
    ours = {"SQLite": 0, "PostgreSQL x2": 1, "reference": -1}
    for who, column in ours.items():
        pairs = [
            ("100 tokens not streamed, CPU ms", measured[f"request {who}"][2]),
            ("100 tokens streamed at once, CPU ms", measured[f"burst {who}"][2]),
            ("200 streams, a token every 20 ms, CPU ms a reply", measured[f"paced-200 {who}"][2]),
            ("idle memory, MiB", measured[who][1].split()[0]),
            ("seconds to the first answer", measured[who][3]),
        ]
        for what, figure in pairs:
            shown = told[what][column].split(" / ")[-1]
            assert abs(float(shown) - float(figure)) <= 0.051, (what, who)
        first = measured[f"paced-1000 {who}"][5].split(" / ")[0]
        shown = told["the same, added time to the first token, p50 s"][column].split(" / ")[-1]
        assert abs(float(shown) - float(first) / 1000) <= 0.051, who
    assert f"about {told['idle memory, MiB'][0]} MiB on SQLite" in TEXTS["README.md"]


def test_the_settings_file_of_the_documents_is_read(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    from api.config import load

    (block,) = re.findall(r"```yaml\n(.*?)```", TEXTS["docs/operations.md"], re.S)
    (tmp_path / "parley.yml").write_text(block)
    environment = {name.upper(): value for name, value in SECRETS.items()}
    settings = load(environment | {"CONFIG_FILE": str(tmp_path / "parley.yml"), "DATA_DIR": str(tmp_path)})
    make_app(model_configs=settings.model_configs)
    assert settings.registration == "closed"
