"""What gunicorn's master loads: all of the application where workers share it, else nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import gc, runpy, sys, types
conf = runpy.run_path("deploy/gunicorn.conf.py")
if "on_starting" in conf:
    conf["on_starting"](types.SimpleNamespace(cfg=types.SimpleNamespace(reload=sys.argv[1] == "reload")))
before = gc.get_freeze_count()
conf["pre_fork"](None, None)
print("api.app" in sys.modules, "yaml" in sys.modules, gc.get_freeze_count() > before)
if "on_exit" in conf:
    conf["on_exit"](None)
"""


@pytest.mark.parametrize(
    ("workers", "reload", "printed"),
    [("1", "", "False False True"), ("2", "", "True False True"), ("2", "reload", "False False True")],
)
def test_what_the_master_imports(tmp_path: Path, workers: str, reload: str, printed: str) -> None:
    env = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DATA_DIR": str(tmp_path),
        "PARLEY_ENV": "development",
        "WEB_CONCURRENCY": workers,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE, reload],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split("\n")[0] == printed, done.stderr
