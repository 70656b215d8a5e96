"""A stop in its order: the replies end, then the server, and only then would its container be killed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from api.cli import doctor
from tests.server import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINER = int(COMPOSE["services"]["api"]["stop_grace_period"].removesuffix("s"))
BREAKS_AT = 35


PROBE = """
import json, os, runpy, sys
found = []
for seconds in json.loads(sys.argv[1]):
    os.environ.pop("DRAIN_SECONDS", None)
    if seconds is not None:
        os.environ["DRAIN_SECONDS"] = str(seconds)
    values = runpy.run_path("deploy/gunicorn.conf.py")
    assert values["_settings"].drain_seconds < values["graceful_timeout"]
    found.append(values["graceful_timeout"])
print(json.dumps(found))
"""


@pytest.fixture
def graceful(tmp_path: Path) -> dict[float | None, int]:
    """gunicorn's `graceful_timeout` by DRAIN_SECONDS; None: not set."""
    asked = (None, 0, 20, BREAKS_AT - 0.1, BREAKS_AT, 600)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(asked)],
        cwd=ROOT,
        env={"PARLEY_ENV": "development", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(asked, json.loads(done.stdout), strict=True))


def test_as_shipped_each_waits_longer_than_the_one_before(graceful: dict[float | None, int]) -> None:
    assert COMPOSE["x-api"]["environment"].get("DRAIN_SECONDS") is None
    assert graceful[None] == graceful[20] < CONTAINER


def test_the_documents_and_the_doctor_know_where_that_ends(graceful: dict[float | None, int]) -> None:
    text = (ROOT / "docs/operations.md").read_text()
    (told,) = re.findall(r"with `DRAIN_SECONDS` of (\d+) and more, that reaches the (\d+) s of", text)
    assert told == (str(BREAKS_AT), str(CONTAINER))
    for seconds, server in graceful.items():
        if seconds is not None:
            assert (seconds >= BREAKS_AT) is (server >= CONTAINER)
            finding = doctor.stopping(seconds)
            assert finding.level == ("ok" if server < CONTAINER else "warn")
            assert f" the server {server} s, its container {CONTAINER} s" in finding.what
    assert doctor.stopping(BREAKS_AT).advice.endswith(f"over 60s, or set DRAIN_SECONDS < {BREAKS_AT}")
