"""Backups: taken while others write, verified, restored elsewhere; and moves from one database to the other."""

from __future__ import annotations

import contextlib
import json
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from api import wiring
from api.config import Settings
from api.db import Database, current_revision, head_revision, upgrade
from api.domain import clock
from api.domain.avatars import Avatar
from api.domain.errors import AppError, Conflict, Invalid
from api.domain.ids import new_id
from api.repositories import transfer
from api.services.backups import BackupService, hashes
from tests.conftest import SECRETS
from tests.postgres import Cluster
from tests.services.whole import Whole


@pytest.fixture
def whole(make_app: Callable[..., Flask]) -> Whole:
    """Somebody with a key, an avatar, a chat and its replies."""
    whole = Whole(make_app())
    avatar = Avatar(whole.ann.user_id, "ab" * 32, 12, clock.now())
    whole.services.avatars._store.write(lambda work: work.avatars.put(avatar))
    whole.config(whole.ann)
    chat = whole.chat(whole.ann, title="灯台 — “quoted” \\ \n", tags=["ß", "2"])
    whole.said(whole.ann, chat, "demo:fast \u2028 Grüße 👋", model="demo/demo")
    whole.services.sessions.start(whole.services.accounts.profile(whole.ben.user_id))
    return whole


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it, of either kind."""
    if request.param == "sqlite":
        (tmp_path / "elsewhere").mkdir()
        url = f"sqlite:///{tmp_path / 'elsewhere' / 'parley.db'}"
    else:
        cluster: Cluster = request.getfixturevalue("postgres")
        name = f"elsewhere_{new_id().hex}"
        cluster.execute(f"CREATE DATABASE {name}")
        url = cluster.url(name)
    database = Database(url, 2)
    yield database
    database.dispose()


def store_of(whole: Whole) -> Database:
    return whole.services.chats._store.database


def unindexed(database: Database) -> int:
    """So many messages a search would have to read through."""
    if database.is_postgresql:
        return 0
    with database.reader.connect() as connection:
        return transfer.count(connection, "search_pending")


def backups(database: Database, folder: Path, **changes: str) -> BackupService:
    return wiring.backups(Settings(data_dir=folder, **SECRETS | changes), database)


def test_a_backup_of_a_running_server_is_restored_elsewhere(whole: Whole, elsewhere: Database, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "images" / "ab").mkdir(parents=True)
    (here / "images" / "ab" / "cd.png").write_bytes(bytes(range(256)) * 5000)
    (here / "secrets.env").write_text("JWT_" + "SECRET=kept apart")
    database = store_of(whole)
    made = backups(database, here).backup(tmp_path / "one.zip")
    assert made.files == 1
    assert "secrets.env" not in "".join(zipfile.ZipFile(tmp_path / "one.zip").namelist())
    assert (tmp_path / "one.zip").stat().st_mode & 0o077 == 0

    there.mkdir()
    restored = backups(elsewhere, there).restore(tmp_path / "one.zip")
    assert restored == made
    assert (there / "images" / "ab" / "cd.png").read_bytes() == bytes(range(256)) * 5000
    before, after = hashes(database), hashes(elsewhere)
    assert before.pop("sessions").rows == 1
    assert after.pop("sessions").rows == 0, "sessions are void afterwards"
    assert after == before
    assert unindexed(elsewhere) == 0
    assert current_revision(elsewhere) == head_revision()
    with pytest.raises(Conflict, match="has 2 accounts already.*--replace"):
        backups(elsewhere, there).restore(tmp_path / "one.zip")
    assert backups(elsewhere, there).restore(tmp_path / "one.zip", replace=True).rows == made.rows


def test_memory_does_not_grow_with_the_data(sqlite_url: str, elsewhere: Database, tmp_path: Path) -> None:
    """Twenty megabytes of rows go by in less than eight of memory."""
    database = Database(sqlite_url, 1)
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
    with database.writer.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO instance_facts {rows} SELECT i, printf('%1000d', i) FROM n"))
    tracemalloc.start()
    try:
        backups(database, tmp_path / "files").backup(tmp_path / "big.zip")
        backups(elsewhere, tmp_path / "there").restore(tmp_path / "big.zip")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert hashes(elsewhere)["instance_facts"].rows == 20_000
    database.dispose()


def test_nothing_is_restored_into_a_running_server(whole: Whole, tmp_path: Path) -> None:
    service = backups(store_of(whole), tmp_path / "files")
    service.backup(tmp_path / "one.zip")
    with pytest.raises(Conflict, match="A server runs on .* nothing was changed"):
        service.restore(tmp_path / "one.zip", replace=True)


def test_what_was_acknowledged_before_the_start_is_in_it(whole: Whole, elsewhere: Database, tmp_path: Path) -> None:
    database = Database(store_of(whole).url, 2)  # as the command has its own
    acknowledged: list[str] = []
    enough, stop = threading.Semaphore(0), threading.Event()

    def write() -> None:
        while not stop.is_set():
            with contextlib.suppress(AppError):  # no acknowledgement
                sent = whole.send(whole.ann, whole.chat(whole.ann), "demo:fast hello", model="demo/demo")
                acknowledged.append(str(sent.message.id))
                enough.release()

    writers = [threading.Thread(target=write) for _ in range(50)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(60):
            assert enough.acquire(timeout=60)
        known = set(acknowledged)
        backups(database, tmp_path / "files").backup(tmp_path / "busy.zip")
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
        database.dispose()
    there = backups(elsewhere, tmp_path)
    assert there.verify(tmp_path / "busy.zip") == there.restore(tmp_path / "busy.zip")
    with elsewhere.reader.connect() as connection:
        rows = connection.execute(sa.select(sa.table("messages", sa.column("id", sa.Uuid()))))
        assert known <= {str(row.id) for row in rows}
        assert transfer.count(connection, "model_configs") == 1
    assert there.unreadable_keys() == 0, "keys decrypt"


def test_keys_that_cannot_be_opened_are_counted(whole: Whole, tmp_path: Path) -> None:
    database = store_of(whole)
    assert backups(database, tmp_path).unreadable_keys() == 0
    assert backups(database, tmp_path, encryption_key="0f" * 32).unreadable_keys() == 1


@pytest.mark.parametrize("harm", ["a byte", "a row", "cut", "nothing", "a way out", "encrypted", "unknown"])
def test_a_damaged_backup_is_refused(harm: str, sqlite_url: str, tmp_path: Path) -> None:
    database, path = Database(sqlite_url, 1), tmp_path / "one.zip"
    with database.writer.begin() as connection:
        connection.execute(sa.text("INSERT INTO instance_facts VALUES ('a', 'b')"))
    service = backups(database, tmp_path / "files")
    service.backup(path)
    content = bytearray(path.read_bytes())
    if harm == "a byte":
        member = b"tables/instance_facts.jsonl"
        content[content.index(member) + len(member) + 24] ^= 0xFF  # past the header, in what was packed
    elif harm in {"encrypted", "unknown"}:
        entry = content.rindex(b"tables/instance_facts.jsonl") - 46  # in the directory: flags at 8, compression at 10
        content[entry + (8 if harm == "encrypted" else 10)] ^= 1
    elif harm == "cut":
        del content[-50:]
    path.write_bytes(b"" if harm == "nothing" else bytes(content))
    if harm == "a row":
        _rewritten(path, "tables/instance_facts.jsonl", lambda text: text.replace('"b"', '"c"'))
    elif harm == "a way out":
        _rewritten(path, "manifest.json", lambda text: json.dumps(json.loads(text) | {"files": {"../x": ""}}))
    with pytest.raises(Invalid):
        service.restore(path, replace=True)
    assert hashes(database)["instance_facts"].rows == 1
    database.dispose()


def _rewritten(path: Path, member: str, change: Callable[[str], str]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = change(members[member].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_moves_there_and_back_leave_every_row_as_it_was(whole: Whole, tmp_path: Path, postgres: Cluster) -> None:
    whole.app.extensions["parley_close"]()  # both servers must be stopped
    database = store_of(whole)
    first = hashes(database)
    names = [f"move_{new_id().hex}" for _ in range(2)]
    for name in names:
        postgres.execute(f"CREATE DATABASE {name}")
    (tmp_path / "sqlite").mkdir()
    chain = [database, *(Database(postgres.url(name), 2) for name in names)]
    chain.insert(2, Database(f"sqlite:///{tmp_path / 'sqlite' / 'parley.db'}", 2))
    for source, target in zip(chain, chain[1:], strict=False):
        backups(source, tmp_path).move(target)
        assert target.writer.pool.checkedout() == 0, "what was opened is closed"
        assert hashes(target) == first
        assert unindexed(target) == 0
    with pytest.raises(Conflict, match="--replace"):
        backups(chain[0], tmp_path).move(chain[1])
    for one in chain:
        one.dispose()


def test_a_backup_of_an_older_schema_is_migrated(elsewhere: Database, tmp_path: Path) -> None:
    shape = {"id": "uuid", "email": "text", "username": "text", "password_hash": "text", "created_at": "moment"}
    moment = "2026-01-02T03:04:05.000006+00:00"
    values = (new_id(), "a@example.org", "ann", "x")
    line = json.dumps(dict(zip(shape, (str(values[0]), *values[1:], moment), strict=True)), sort_keys=True)
    line = json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"))
    digest = transfer.Digest()
    digest.add(line.encode())
    manifest: dict[str, Any] = {"format": 1, "schema": "0001", "files": {}}
    manifest |= {"shapes": {"users": shape}, "tables": {"users": digest.told()}}
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("tables/users.jsonl", line + "\n")
        archive.writestr("manifest.json", json.dumps(manifest))
    backups(elsewhere, tmp_path).restore(tmp_path / "old.zip")
    assert current_revision(elsewhere) == head_revision()
    assert hashes(elsewhere)["users"].rows == 1


def test_a_newer_backup_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url, 1)
    service = backups(database, tmp_path / "files")
    service.backup(tmp_path / "one.zip")
    newer = lambda text: json.dumps(json.loads(text) | {"schema": "9999"})  # noqa: E731
    _rewritten(tmp_path / "one.zip", "manifest.json", newer)
    with pytest.raises(Conflict, match="newer than this code"):
        service.restore(tmp_path / "one.zip")
    with database.writer.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="use the newer Parley"):
        service.backup(tmp_path / "two.zip")
    database.dispose()


def test_a_sqlite_file_is_copied_before_a_migration(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'parley.db'}", 1)
    upgrade(database, "0001")
    assert not (tmp_path / "backups").exists(), "there was nothing to lose"
    with database.writer.begin() as connection:
        connection.execute(sa.text("INSERT INTO instance_facts VALUES ('a', 'b')"))
    upgrade(database)
    (copy,) = (tmp_path / "backups").glob("parley-schema-0001-*.db")
    assert copy.stat().st_mode & 0o077 == 0
    old = Database(f"sqlite:///{copy}", 1)
    assert current_revision(old) == "0001"
    with old.reader.connect() as connection:
        assert transfer.count(connection, "instance_facts") == 1
    old.dispose()
    database.dispose()
