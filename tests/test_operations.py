"""Backup, restore, move and the like as an operator types them; and upgrades that are killed half-way."""

from __future__ import annotations

import http.client
import http.server
import os
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.cli import doctor
from api.db import Database, current_revision, head_revision, upgrade
from api.services.backups import hashes
from tests.conftest import SECRETS, TEMPLATE
from tests.postgres import Cluster
from tests.server import ROOT, running_server
from tests.test_cli import _flask

ENVIRONMENT = {name.upper(): value for name, value in SECRETS.items()}


def flask(data: Path, *words: str, stdin: str = "", **settings: str) -> str:
    done = _flask(data, *words, stdin=stdin, **ENVIRONMENT, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(data: Path, *words: str, **settings: str) -> str:
    done = _flask(data, *words, **ENVIRONMENT, **settings)
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_an_operators_day(tmp_path: Path, postgresql_url: str) -> None:
    """Backed up under a running server, restored elsewhere, moved to PostgreSQL and used there."""
    data, other = tmp_path / "data", tmp_path / "other"
    for folder in (data, other):
        folder.mkdir()
    assert flask(data, "upgrade") == f"The database is at schema {head_revision()}.\n"
    with running_server(f"sqlite:///{data}/parley.db", data, **ENVIRONMENT) as server:
        ann = server.person("ann")
        ann.send(ann.chat(), "hello")
        told = flask(data, "backup", str(tmp_path / "one.zip"))
        assert told.startswith(f"{tmp_path}/one.zip: ")
        assert told.endswith(", verified.\n")
        assert "as written" in flask(data, "verify", str(tmp_path / "one.zip"))
        assert "A server runs on" in refused(data, "restore", str(tmp_path / "one.zip"), "--replace")
        assert "A server runs on" in refused(data, "move", "--to", postgresql_url)
    assert flask(other, "restore", str(tmp_path / "one.zip")).endswith("All sessions have ended.\n")
    assert "1 accounts already" in refused(other, "restore", str(tmp_path / "one.zip"))
    moved = flask(other, "move", "--to", postgresql_url)
    assert f"hashes equal. Now set DATABASE_URL={postgresql_url} and start the server." in moved
    there = Database(postgresql_url, 1)
    assert hashes(there)["messages"].rows == 2
    there.dispose()
    with running_server(postgresql_url, other, **ENVIRONMENT) as server:
        assert len(server.person("ann").call("GET", "/chats").json["items"]) == 1


def test_backups_are_kept_by_number(tmp_path: Path) -> None:
    flask(tmp_path, "upgrade")
    (tmp_path / "backups").mkdir()
    for day in (1, 2, 3):
        (tmp_path / "backups" / f"parley-2026010{day}T000000Z.zip").touch()
    flask(tmp_path, "backup", "--keep", "2")
    kept = sorted(path.name for path in (tmp_path / "backups").glob("*.zip"))
    assert len(kept) == 2
    assert kept[0] == "parley-20260103T000000Z.zip"
    flask(tmp_path, "backup", str(tmp_path / "new" / "folder"), "--keep", "2")
    (elsewhere,) = (tmp_path / "new" / "folder").glob("parley-*.zip")
    (told,) = (what for what in findings(flask(tmp_path, "doctor")) if what.startswith("backups:"))
    assert told == f"backups: the newest is 0.0 days old, {elsewhere}", "also where the doctor may not look"


def test_the_settings_are_checked_and_no_secret_is_shown(tmp_path: Path) -> None:
    shown = flask(tmp_path, "check-config", RATE_LIMIT_PER_HOUR="7")
    assert "RATE_LIMIT_PER_HOUR=7\n" in shown
    away = flask(tmp_path, "check-config", DATABASE_URL="postgresql://me:hidden-word@127.0.0.1:1/parley")
    assert "DATABASE_URL=postgresql://me:***@127.0.0.1:1/parley\n" in away
    assert "JWT_SECRET=(set)\n" in shown
    assert not any(value in shown for value in ENVIRONMENT.values())
    assert refused(tmp_path, "check-config", CORS_ORIGINS="*").startswith("Error: CORS_ORIGINS must hold exact origins")


def test_a_backup_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("no zip")
    assert "is not a backup" in refused(tmp_path, "verify", str(tmp_path / "x.zip"))
    assert "There is no file" in refused(tmp_path, "restore", str(tmp_path / "y.zip"))


def test_what_stops_a_backup_is_said_in_one_line(tmp_path: Path, postgres: Cluster) -> None:
    flask(tmp_path, "upgrade")
    (tmp_path / "plain").write_text("no folder")
    assert f"{tmp_path}/plain" in refused(tmp_path, "backup", str(tmp_path / "plain" / "one.zip"))
    away = "postgresql://me:hidden-word@127.0.0.1:1/parley"
    assert "hidden-word" not in refused(tmp_path, "backup", DATABASE_URL=away)
    with postgres.database(TEMPLATE) as url:
        database = Database(url, 1)
        with database.writer.begin() as holding:  # for as long as the command may take to start
            holding.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            holding.execute(sa.text("LOCK TABLE users"))
            words = "The database failed meanwhile (canceling statement due to lock timeout)"
            assert words in refused(tmp_path, "backup", DATABASE_URL=url)
        database.dispose()
    assert not list(tmp_path.rglob("*.partial"))


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from api.db import Database, upgrade
database, left = Database(sys.argv[1], 2), int(sys.argv[2])

@sa.event.listens_for(database.writer, "before_cursor_execute")
def _count(connection, cursor, statement, *rest):
    global left
    left -= statement.lstrip().upper().startswith(("CREATE", "ALTER", "INSERT", "DROP", "UPDATE"))
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

upgrade(database)
"""


@pytest.mark.parametrize("statements", [0, 1, 3])
def test_an_upgrade_killed_half_way_is_resumed(request: pytest.FixtureRequest, tmp_path: Path, statements: int) -> None:
    for kind in ("sqlite", "postgresql"):
        url = f"sqlite:///{tmp_path / 'parley.db'}"
        if kind == "postgresql":
            cluster = request.getfixturevalue("postgres")
            cluster.execute(f"CREATE DATABASE killed_{statements}")
            url = cluster.url(f"killed_{statements}")
        database = Database(url, 1)
        upgrade(database, "0001")
        with database.writer.begin() as connection:
            connection.execute(sa.text("INSERT INTO instance_facts VALUES ('kept', 'yes')"))
        database.dispose()
        command = [sys.executable, "-c", KILLED, url, str(statements)]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}  # noqa: TID251
        killed = subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=120)
        assert killed.returncode == -signal.SIGKILL
        upgrade(database)
        assert current_revision(database) == head_revision()
        with database.reader.connect() as connection:
            assert connection.execute(sa.text("SELECT value FROM instance_facts WHERE name = 'kept'")).scalar() == "yes"
        database.dispose()


def findings(text: str) -> dict[str, str]:
    """The first words of each finding → its level."""
    return {line[6:]: line[:4].strip() for line in text.splitlines() if line[:4].strip() in ("ok", "warn", "bad")}


def test_the_doctor_says_what_is_wrong_and_what_to_do(database_url: str, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": database_url, "OLLAMA_BASE_URL": "http://127.0.0.1:9"}
    told = _flask(tmp_path, "doctor", **ENVIRONMENT, **settings).stdout
    found = findings(told)
    careless = {f"database: {name} is off" for name in ("fsync", "full_page_writes", "synchronous_commit")}
    assert {what for what, level in found.items() if level == "bad"} == (
        careless if database_url.startswith("postgresql") else set()  # the tests' own PostgreSQL is made for speed
    )
    assert found["mode: production, or on this machine alone"] == "ok"
    assert found["backups: none was made yet"] == "warn"
    assert "→ run `backup` every day" in told
    assert "→ start it, or set OLLAMA_BASE_URL" in told
    assert f"schema: {head_revision()}, this code has {head_revision()}" in found
    done = _flask(tmp_path, "doctor", **ENVIRONMENT, **settings, API_HOST="0.0.0.0")
    assert done.returncode == 1
    assert "→ set PARLEY_ENV=production" in done.stdout


@pytest.mark.parametrize(
    ("kind", "found", "level", "told"),
    [
        ("SQLite", (3, 39), "warn", "SQLite 3.40 is the oldest that is supported"),
        ("SQLite", (3, 40), "ok", ""),
        ("PostgreSQL", (14, 9), "warn", "PostgreSQL 15 is the oldest that is supported"),
        ("PostgreSQL", (15, 0), "ok", ""),
    ],
)
def test_the_doctor_names_the_oldest_database_as_people_do(
    kind: str, found: tuple[int, ...], level: str, told: str
) -> None:
    finding = doctor.version(kind, found)
    assert (finding.level, finding.advice) == (level, told)
    assert finding.what == f"database: {kind} {found[0]}.{found[1]}"


def test_the_readme_names_what_is_supported() -> None:
    (line,) = (line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("Supported are"))
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    for words in (f"Python {wanted}", *(f"{kind} {oldest}" for kind, oldest in doctor.OLDEST.items())):
        assert words in line


def test_the_doctor_names_a_database_that_is_away(tmp_path: Path) -> None:
    done = _flask(tmp_path, "doctor", **ENVIRONMENT, DATABASE_URL="postgresql://me:hidden-word@127.0.0.1:1/parley")
    assert done.returncode == 1
    assert "bad   database: postgresql+psycopg2://me:***@127.0.0.1:1/parley cannot be used" in done.stdout
    assert "hidden-word" not in done.stdout + done.stderr


class _Holding(http.server.BaseHTTPRequestHandler):
    """A proxy that keeps an answer until it is whole."""

    protocol_version = "HTTP/1.0"
    port = 0

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _pass

    def log_message(self, *_: object) -> None:
        pass


def test_the_doctor_finds_a_proxy_that_holds_events_back(tmp_path: Path) -> None:
    with running_server(f"sqlite:///{tmp_path}/parley.db", tmp_path, **ENVIRONMENT) as server:
        key = server.person("ann").call("POST", "/api-keys", {"name": "doctor", "scopes": ["chat"]}).json["key"]
        straight = findings(flask(tmp_path, "doctor", "--url", f"http://127.0.0.1:{server.port}", "--key", key))
        _Holding.port = server.port
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Holding) as proxy:
            thread = threading.Thread(target=proxy.serve_forever)
            thread.start()
            held = _flask(tmp_path, "doctor", "--url", f"http://127.0.0.1:{proxy.server_port}", "--key", key)
            proxy.shutdown()
            thread.join()
        assert server.person("ann").call("GET", "/chats").json["items"] == [], "it leaves nothing behind"
    assert [level for what, level in straight.items() if what.startswith("proxy: a reply's events")] == ["ok"]
    assert held.returncode == 1
    assert "→ the proxy holds them back: in nginx set `proxy_buffering off`" in held.stdout


def test_prune_removes_what_nobody_needs(tmp_path: Path) -> None:
    flask(tmp_path, "upgrade")
    database = Database(f"sqlite:///{tmp_path}/parley.db", 1)
    with database.writer.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO users (id, email, username, password_hash) VALUES ('a', 'a', 'a', 'a')")
        )
        for number, used in enumerate(("2020-01-01 00:00:00.000000", "2999-01-01 00:00:00.000000")):
            values = f"('{number}', 'a', 'x', '{used}', '{used}')"
            columns = "(id, user_id, refresh_jti, created_at, last_used_at)"
            connection.execute(sa.text(f"INSERT INTO sessions {columns} VALUES {values}"))
    database.dispose()
    for name in ("parley.db.replaced-old", "parley.db.replaced-new"):
        (tmp_path / name).touch()
    os.utime(tmp_path / "parley.db.replaced-old", (0, 0))
    assert flask(tmp_path, "prune", "--compact") == "Removed 1 sessions and 1 old copies.\n"
    assert (tmp_path / "parley.db.replaced-new").exists()
