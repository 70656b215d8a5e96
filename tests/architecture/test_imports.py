"""Importing any module has no effect: no file, thread, socket, process or output, and no need of the environment."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.files import ROOT, name, python_files


def modules(package: str) -> list[str]:
    found = [name(path).removesuffix(".py").replace("/", ".") for path in python_files(package)]
    return [module.removesuffix(".__init__") for module in found]


def test_importing_the_models_fills_the_metadata() -> None:
    from api import models

    tables = {path.stem for path in python_files("api/models")} - {"__init__", "base"}
    assert tables == set(models.__all__) - {"METADATA"}


@pytest.mark.parametrize("package", ["api", "ui"])
def test_imports_have_no_effect(package: str, tmp_path: Path) -> None:
    wanted = modules(package)
    assert wanted
    found = probe(wanted, tmp_path)
    assert found.keys() == set(wanted)
    assert not {module: effects for module, effects in found.items() if effects}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("open('left', 'w').close()", "for writing"),
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "threads"),
        ("import socket; kept = socket.socket()", "socket"),
        ("print('hello')", "prints 'hello"),
        ("import os; os.environ['A'] = 'b'", "environment"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_effect_is_seen(text: str, effect: str, tmp_path: Path) -> None:
    package = tmp_path / "specimen"
    package.mkdir()
    (package / "specimen.py").write_text(text)
    found = probe(["specimen"], tmp_path, "-c", f"import sys; sys.path.insert(0, {str(package)!r})")
    assert effect in str(found["specimen"])


@pytest.mark.parametrize(
    ("contract", "packages", "exempt"),
    [
        (
            "SQL stays in the repositories",
            ("api",),
            "cli cli.common cli.doctor cli.generated db groundwork models rate_limits repositories wiring",
        ),
        (
            "HTTP clients live in providers and in the page's client",
            ("api", "ui"),
            "cli cli.doctor providers api_client",
        ),
    ],
)
def test_a_contract_names_every_part_but_these(contract: str, packages: tuple[str, ...], exempt: str) -> None:
    """A part that is new stands in the contract, or is exempt by name."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (named,) = (one["source_modules"] for one in found if one["name"] == contract)
    parts = set()
    for package in packages:
        for module in modules(package):
            depth = 3 if module.startswith("api.cli.") else 2
            parts.add(".".join(module.split(".")[:depth]))
    left_out = {part.partition(".")[2] for part in parts - set(named) - set(packages)}
    assert left_out == set(exempt.split())
    assert set(named) <= parts


def probe(wanted: list[str], folder: Path, *before: str) -> dict[str, list[str]]:
    """The probe's findings, from a process with an empty environment in `folder`."""
    script = ROOT / "tests" / "architecture" / "import_probe.py"
    start = f"import runpy, sys; sys.argv[0] = {str(script)!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    code = f"{before[1]}; {start}" if before else start
    command = [sys.executable, "-I", "-B", "-c", code, *wanted]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
