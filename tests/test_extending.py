"""docs/extending.md: each of its examples made as it stands there, in a copy of Parley, and used."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.files import tracked
from tests.server import ROOT

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("extending")]
STEP = re.compile(r"^`([\w./]+)`(?:, (before|after|in place of) `([^\n]+)`)?:\n\n```\w+\n(.*?)```$", re.M | re.S)
SERVER = """
import sys
from pathlib import Path
from api.app import create_app
from api.config import Settings
from tests.conftest import SECRETS

folder = Path(sys.argv[1])
app = create_app(Settings(data_dir=folder, database_url=f"sqlite:///{folder}/parley.db", **SECRETS))
app.extensions["parley_process"].start()
client = app.test_client()
ann = {"email": "ann@example.org", "username": "ann", "password": "ann has a long password"}
assert client.post("/auth/register", json=ann).status_code == 201
token = client.post("/auth/login", json={"username": "ann", "password": ann["password"]}).json["access_token"]
auth = {"Authorization": f"Bearer {token}"}
said = client.post("/acme/ask", json={"question": "demo:fast hello", "model": "demo/demo"}, headers=auth)
assert said.status_code == 200 and "hello" in said.json["answer"], said.data
assert client.post("/acme/ask", json={"question": "hello"}).json["wrong"], "its own form of errors"
surfaces = {one["name"]: one["endpoints"] for one in client.get("/").json["surfaces"]}
assert surfaces["acme"] == ["POST /acme/ask"], "listed under its own name"
rule = {"kind": "surface", "name": "acme", "measure": "requests", "per_hour": 100}
assert client.put("/admin/limits", json={"items": [rule]}, headers=auth).status_code == 200
config = {"name": "ours", "provider": "acme", "api_key": "ac-0123456789"}
made = client.post("/model-configs", json=config, headers=auth)
assert made.status_code == 201 and made.json["provider"] == "acme", made.data
app.extensions["parley_close"]()
"""
MODULE = """
from streamlit.testing.v1 import AppTest
from ui.api_client import ApiClient, Transport
from ui.navigation import PATHS
from ui.sign_in.sessions import SessionStore


def test_the_module_draws(fake, anonymous, person):
    def draw(api):
        from ui.modules.acme import view

        view.draw(api)

    assert "acme" in PATHS
    session = SessionStore(anonymous).add(anonymous.login(*person))
    api = ApiClient(Transport(fake.url, "the-page's-secret"), session, "203.0.113.9")
    at = AppTest.from_function(draw, kwargs={"api": api}, default_timeout=60).run()
    assert not at.exception
    assert "Chats: 0" in [one.value for one in at.markdown]
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of Parley, with every step of the document done."""
    copy = tmp_path_factory.mktemp("extended")
    for path in tracked():
        inside = path.relative_to(ROOT)
        if inside.parts[:2] != ("docs", "images"):
            (copy / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / inside)
    steps = STEP.findall((copy / "docs" / "extending.md").read_text(encoding="utf-8"))
    assert len(steps) == 13
    for name, how, anchor, text in steps:
        target = copy / name
        if how:
            _change(target, how, anchor, text)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    return copy


def _change(target: Path, how: str, anchor: str, text: str) -> None:
    lines = target.read_text(encoding="utf-8").splitlines(keepends=True)
    (place,) = [number for number, line in enumerate(lines) if line.startswith(anchor)]
    if how == "in place of":
        lines[place] = text.removesuffix("\n") + lines[place].removeprefix(anchor)
    else:
        lines.insert(place + (how == "after"), text)
    target.write_text("".join(lines), encoding="utf-8")


def run(copy: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(copy), "FLASK_SKIP_DOTENV": "1"}  # noqa: TID251
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "DATA_DIR": str(copy / "data"), "HOME": str(copy)}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_a_provider_and_a_dialect_are_served(extended: Path, tmp_path: Path) -> None:
    run(extended, "-c", SERVER, str(tmp_path))


def test_the_settings_the_row_and_the_module_of_the_page(extended: Path) -> None:
    run(extended, "-m", "flask", "--app", "api.cli", "docs", "write")
    assert "ACME_BASE_URL" in (extended / "docs" / "configuration.md").read_text(encoding="utf-8")
    (extended / "tests" / "ui" / "test_acme.py").write_text(MODULE)
    files = ("tests/architecture/test_docs.py", "tests/providers/test_vendors.py", "tests/ui/test_acme.py")
    wanted = "test_every_s or test_every_r or module_draws or (acme and (rows_are_whole or may_move))"
    told = run(extended, "-m", "pytest", *files, "-k", wanted)
    assert "skipped" not in told
    run(extended, "-m", "ruff", "check", "api", "ui")
