"""What a server that nobody has used yet has not imported or built: its memory is for those who need it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.files import ROOT

ORM = ("sqlalchemy.orm", "sqlalchemy.ext", "flask_sqlalchemy", "flask_migrate", "alembic")  # `flask db` and upgrades
OF_A_CALL = ("openai", "ollama", "genai_prices", "pypdf", "yaml", "requests")
OF_DEVELOPMENT = ("rich", "pygments")  # libraries take them where they find them
OF_POSTGRESQL = ("sqlalchemy.dialects.postgresql", "psycopg2")
OF_SQLITE = ("sqlalchemy.dialects.sqlite",)
SERVER = """
import json, runpy, sys
sys.path.insert(0, ".")
import werkzeug.routing.rules
compiled = []
werkzeug.routing.rules.compile = lambda *given: (compiled.append(given[1]), compile(*given))[1]
runpy.run_path("deploy/gunicorn.conf.py")
import api.web.worker
from api.web.shapes import Shape
from api.wsgi import app

def shapes(base):
    for one in base.__subclasses__():
        yield from (one, *shapes(one))

assert len(list(shapes(Shape))) > 100
process = app.extensions["parley_process"]
process.start()
try:
    seen = [name for name, module in sys.modules.items() if module is not None]
    built = [shape.__name__ for shape in shapes(Shape) if shape.__pydantic_complete__]
finally:
    process.begin_drain()
    process.finish_drain(lambda: None)
    app.extensions["parley_close"]()
from flask import url_for
with app.test_request_context():
    before = len(compiled)
    assert url_for("chats.open_chat", id="a b") == "/chats/a%20b"
    assert len(compiled) > before
print(json.dumps([seen, built, before]))
"""


@pytest.mark.parametrize(("kind", "missing"), [("sqlite", OF_POSTGRESQL), ("postgresql", OF_SQLITE)])
def test_an_idle_server_has_not_imported_or_built(
    kind: str, missing: tuple[str, ...], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    env = {"DATABASE_URL": url, "DATA_DIR": str(tmp_path), "PARLEY_ENV": "development", "WEB_CONCURRENCY": "1"}
    command = [sys.executable, "-B", "-c", SERVER]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    seen, built, addresses = json.loads(done.stdout)
    seen, built = set(seen), set(built)
    assert {"api.app", "structlog.dev", "sqlalchemy.sql", f"sqlalchemy.dialects.{kind}"} <= seen
    packages = {name for one in seen for name in _with_parents(one)}
    assert len(built) < 10  # those whose schema stands in the description of a route
    assert addresses == 0, "no code that makes addresses of routes, which nobody asks for, was compiled"
    assert packages & {*ORM, *OF_A_CALL, *OF_DEVELOPMENT, *missing} == set()


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
