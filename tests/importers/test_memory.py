"""What an import takes of memory and time, at a hundredth of the bench's size; `make bench-data` tells it of 300 MB."""

from __future__ import annotations

import subprocess
import sys

from tests.server import ROOT


def test_three_megabytes_in_bounded_memory() -> None:
    command = [sys.executable, "-m", "bench.imports", "--megabytes", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200: kept" in done.stdout
    assert "0 added" in done.stdout
