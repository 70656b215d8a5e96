"""`make run` and `deploy/run.py` with the real API and the real page: both URLs work, and nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.architecture.files import ROOT, tracked
from tests.deploy.supervised import PATIENCE, Run, alive, closing, until
from tests.server import Server

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes through /proc"),
]


def test_both_answer_and_a_sigterm_leaves_nothing(tmp_path: Path) -> None:
    with closing(Run(tmp_path)) as run:
        run.start().wait_ready()
        api, page = f"http://127.0.0.1:{run.api_port}", f"http://127.0.0.1:{run.ui_port}"
        assert run.out == [f"Page: {page}\n", f"API:  {api}  (documentation: {api}/docs)\n"]
        assert get(f"{api}/health")[0] == 200
        assert "paths" in json.loads(get(f"{api}/openapi.json")[1])
        assert get(f"{api}/docs")[0] == 200
        status, body = get(page)
        assert status == 200
        assert b"<html" in body

        secrets = tmp_path / "data" / "secrets.env"
        assert secrets.stat().st_mode & 0o777 == 0o600
        started = descendants(run.process.pid)
        assert len(started) >= 3  # gunicorn's master, its worker, the page
        assert run.stop() == 0, "".join(run.err)
        until(lambda: not any(alive(pid) for pid in started), "every process to end", 10)


def test_make_run_in_a_new_clone(tmp_path: Path) -> None:
    """With nothing set but the ports: the first answer comes from the demo model, and Ctrl-C ends all of it."""
    clone = tmp_path / "a clone"
    for path in tracked():
        (clone / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, clone / path.relative_to(ROOT))
    (clone / ".venv").symlink_to(sys.prefix)  # what the set-up would make, and asks pip about
    with closing(Run(tmp_path)) as run:
        run.launch(["make", "run"], clone, HOME=str(tmp_path))
        until(lambda: any(line.startswith("API: ") for line in run.out) or run.process.poll(), "the URLs", PATIENCE * 5)
        page = f"http://127.0.0.1:{run.ui_port}"
        assert f"Page: {page}\n" in run.out, "".join(run.err)
        assert get(page)[0] == 200
        ann = Server("", tmp_path, run.api_port).person()
        assert ann.user["role"] == "admin"
        with ann.stream(ann.chat(), "hello") as stream:
            assert list(stream)[-1][2]["status"] == "complete"
        assert stat.S_IMODE((clone / "data" / "secrets.env").stat().st_mode) == 0o600
        started = descendants(run.process.pid)
        os.killpg(run.process.pid, signal.SIGINT)
        run.wait()
        until(lambda: not any(alive(pid) for pid in started), "every process to end", 60)


def test_the_api_alone_and_its_secrets_stay(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with closing(Run(tmp_path)) as run:
            run.start("--api-only").wait_ready(lines=1)
            assert get(f"http://127.0.0.1:{run.api_port}/health")[0] == 200
            assert run.stop() == 0, "".join(run.err)
        seen.append((tmp_path / "data" / "secrets.env").read_text())
    assert seen[0] == seen[1]


def get(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as response:
        return response.status, response.read()


def descendants(pid: int) -> list[int]:
    """Children, their children and so on, as /proc shows them now."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    found, look = [], [pid]
    while look:
        parent = look.pop()
        children = [child for child, its_parent in parents.items() if its_parent == parent]
        found += children
        look += children
    return found
