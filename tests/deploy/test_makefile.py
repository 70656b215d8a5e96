"""`make help` knows every command, and a machine that cannot run Parley hears it in one line."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.files import ROOT

COMMANDS = ["run", "api", "dev", "ui", "test", "test-long", "check", "bench", "bench-data", "bench-page"]
COMMANDS += ["screenshots", "format", "lock", "help", "clean", "migrate", "up", "down", "logs", "ps"]
OLD = '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n'
NO_VENV = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexit 0\n'


def make(folder: Path, *arguments: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    env = {"PATH": path}
    return subprocess.run(["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_help_lists_every_command() -> None:
    listed = re.findall(r"^  make (\S+) +\S", make(ROOT, "help").stdout, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)
    assert make(ROOT).stdout == make(ROOT, "help").stdout


def test_every_command_is_phony() -> None:
    text = (ROOT / "Makefile").read_text()
    assert sorted(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()) == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        (OLD, "parley: Python 3.11 or newer is needed (found: Python 3.9.2); install it, or name it: make PYTHON="),
        (NO_VENV, "cannot make a virtual environment; install its venv module (Debian, Ubuntu: apt-get install"),
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, python: str, words: str) -> None:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    for file in (ROOT / "Makefile", *ROOT.glob("requirements.*.txt")):
        shutil.copy(file, checkout)
    stand_in = tmp_path / "python"
    stand_in.write_text(python)
    stand_in.chmod(0o755)
    done = make(checkout, "run", f"PYTHON={stand_in}")
    first, *others = done.stderr.splitlines()
    assert done.returncode == 2
    assert words in first
    assert all(line.startswith("make: *** ") for line in others)
    assert not (checkout / ".venv").exists()
