"""Keys that seal: the right ones at the start, and rotation: whole, resumable, beside people who save keys."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api.db import Database
from api.domain.ids import new_id
from api.models.model_configs import MODEL_CONFIGS
from api.repositories.model_configs import Sealed
from api.repositories.unit_of_work import Store
from api.security.vault import Vault, VaultError, key_id, sealed_with
from api.services import vault as module
from api.services.accounts import AccountService, NewAccount
from api.services.vault import KeyMissing, VaultService

OLD, NEW, OTHER = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = MODEL_CONFIGS
KILLED_AFTER_TWO_BATCHES = """
import os, signal, sys
from api.db import Database
from api.repositories.unit_of_work import Store
from api.security.vault import Vault
from api.services import vault

def told(count):
    if count == 10:
        os.kill(os.getpid(), signal.SIGKILL)

vault.BATCH = 5
keys = [bytes.fromhex(key) for key in sys.argv[2:]]
vault.VaultService(Store(Database(sys.argv[1], 1)), Vault(keys)).rotate(told=told)
"""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 5)


class Rows:
    """Model configs of one account, straight in the database."""

    def __init__(self, store: Store, accounts: AccountService) -> None:
        self.store = store
        self.user_id = accounts.register(NewAccount("a@example.org", "ann", "correct horse battery")).id

    def add(self, count: int, key: bytes, token: str | None = None) -> None:
        vault = Vault([key])

        def insert(work: Any) -> None:
            for _ in range(count):
                row_id = new_id()
                values = {"user_id": self.user_id, "id": row_id, "name": str(row_id), "provider": "openai"}
                work.model_configs.add(
                    values | {"api_key_encrypted": token or vault.seal(f"sk-{row_id}", row_id), "model": None}
                )

        self.store.write(insert)

    def all(self) -> list[Sealed]:
        return self.store.read(lambda work: work.model_configs.sealed(None, 10_000))

    def tokens(self) -> dict[Any, str]:
        return {row.id: row.token for row in self.all()}

    def kids(self) -> list[str | None]:
        return [sealed_with(row.token) for row in self.all()]

    def clear(self) -> None:
        with self.store.database.writer.begin() as connection:
            connection.execute(sa.delete(TABLE))

    def readable(self, *keys: bytes) -> int:
        vault = Vault(keys)
        found = 0
        for row in self.all():
            try:
                found += vault.open(row.token, row.id) == f"sk-{row.id}"
            except VaultError:
                continue
        return found


@pytest.fixture
def rows(store: Store, accounts: AccountService) -> Rows:
    return Rows(store, accounts)


def service(store: Store, *keys: bytes) -> VaultService:
    return VaultService(store, Vault(keys))


def test_every_key_is_sealed_anew_and_a_second_time_changes_nothing(store: Store, rows: Rows) -> None:
    rows.add(12, OLD)
    rows.add(3, NEW)
    counts: list[int] = []
    done = service(store, NEW, OLD).rotate(told=counts.append)
    assert (done.resealed, done.unreadable, counts[-1]) == (12, (), 12)
    assert len(counts) > 1, "in batches"
    assert rows.readable(NEW) == 15
    tokens = rows.tokens()
    again = service(store, NEW, OLD).rotate()
    assert (again.resealed, rows.tokens()) == (0, tokens)
    service(store, NEW).check()  # the old key can go


def test_killed_in_the_middle_it_loses_nothing_and_is_finished_later(database: Database, rows: Rows) -> None:
    rows.add(23, OLD)
    store, url = rows.store, database.url.render_as_string(hide_password=False)
    keys = (NEW.hex(), OLD.hex())
    killed = subprocess.run([sys.executable, "-c", KILLED_AFTER_TWO_BATCHES, url, *keys], cwd=ROOT, timeout=120)  # noqa: PLW1510
    assert killed.returncode == -signal.SIGKILL
    assert rows.kids().count(key_id(NEW)) == 10
    assert rows.readable(NEW, OLD) == 23
    with pytest.raises(KeyMissing):
        service(store, NEW).check()  # too early to drop the old key
    assert service(store, NEW, OLD).rotate().resealed == 13
    assert rows.readable(NEW) == 23


def test_what_nobody_can_read_is_named_left_alone_and_stops_nothing(store: Store, rows: Rows) -> None:
    service(store, OLD).check()
    rows.add(6, OLD)
    rows.add(1, OTHER)
    rows.add(1, OLD, token=Vault([OLD]).seal("of another row", new_id()))
    rows.add(1, OLD, token="nonsense")
    before = rows.tokens()
    done = service(store, NEW, OLD).rotate()
    assert (done.resealed, len(done.unreadable)) == (6, 3)
    changed = {row_id for row_id, token in rows.tokens().items() if token != before[row_id]}
    assert len(changed) == 6
    assert {row.name for row in rows.all() if row.id not in changed} == set(done.unreadable)
    service(store, NEW).check()


def test_a_key_saved_meanwhile_is_not_overwritten(store: Store, rows: Rows) -> None:
    rows.add(11, OLD)
    last = rows.all()[-1]
    theirs = Vault([OLD]).seal("sk-saved meanwhile", last.id)  # by a server that has not been restarted yet

    class Meanwhile(Vault):
        def open(self, token: str, row_id: Any) -> str:
            plain = super().open(token, row_id)
            if token == last.token:
                store.write(lambda work: work.model_configs.reseal(last, theirs))
            return plain

    VaultService(store, Meanwhile([NEW, OLD])).rotate()
    token = rows.tokens()[last.id]
    assert Vault([NEW]).open(token, last.id) == "sk-saved meanwhile"


def test_the_right_keys_at_the_start(store: Store, rows: Rows) -> None:
    service(store, OLD).check()
    service(store, OTHER).check()  # nothing is sealed yet: any key will do
    rows.add(2, OTHER)
    for keys in ((NEW,), (NEW, OLD)):
        with pytest.raises(KeyMissing, match=f"ENCRYPTION_KEY lacks the key {key_id(OTHER)}"):
            service(store, *keys).check()
    service(store, NEW, OTHER).check()
    rows.add(2, NEW)
    with pytest.raises(KeyMissing, match=key_id(NEW)):
        service(store, OTHER).check()  # the newer one is needed as well by now
    service(store, OTHER, NEW).check()
    rows.clear()
    service(store, OLD).check()


def test_data_from_before_the_keys_were_remembered(store: Store, rows: Rows) -> None:
    rows.add(2, OLD)
    with pytest.raises(KeyMissing, match=key_id(OLD)):
        service(store, NEW).check()
    service(store, OLD).check()


def test_one_row_of_a_strange_key_does_not_stop_the_start(store: Store, rows: Rows) -> None:
    rows.add(2, OLD)
    rows.add(1, OTHER)
    service(store, OLD).check()
    service(store, NEW, OLD).check()


def test_a_lost_key_is_given_up_only_when_told(store: Store, rows: Rows) -> None:
    service(store, OLD).check()
    rows.add(2, OLD)
    with pytest.raises(KeyMissing, match="--lost"):
        service(store, NEW).rotate()
    assert len(service(store, NEW).rotate(lost=True).unreadable) == 2
    service(store, NEW).check()


def test_the_server_does_not_start_with_another_key(store: Store, rows: Rows, tmp_path: Path) -> None:
    """As gunicorn loads it: one line, and the code by which it does not try again."""
    service(store, OLD).check()
    rows.add(1, OLD)
    secret = {"DATABASE_URL": store.database.url.render_as_string(hide_password=False), "DATA_DIR": str(tmp_path)}
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}  # noqa: TID251
    for key in (NEW.hex(), ""):  # in development a missing one is made anew
        start = subprocess.run(
            [sys.executable, "-c", "from api.wsgi import app"],
            cwd=tmp_path,
            env=kept | secret | {"PYTHONPATH": str(ROOT), "ENCRYPTION_KEY": key},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert start.returncode == 4, start.stderr
        assert start.stderr.startswith(f"parley: ENCRYPTION_KEY lacks the key {key_id(OLD)}")
        assert start.stderr.count("\n") == 1
