"""Importing any module has no effect: no file, thread, socket, process or output, and no need of the environment."""

from __future__ import annotations

import json
import subprocess
import sys
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


def probe(wanted: list[str], folder: Path, *before: str) -> dict[str, list[str]]:
    """The probe's findings, from a process with an empty environment in `folder`."""
    script = ROOT / "tests" / "architecture" / "import_probe.py"
    start = f"import runpy, sys; sys.argv[0] = {str(script)!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    code = f"{before[1]}; {start}" if before else start
    command = [sys.executable, "-I", "-B", "-c", code, *wanted]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
