"""A server killed while files arrive: what was acknowledged is there, byte for byte; of the others nothing is."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import random
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.models.attachments import ATTACHMENTS
from api.storage import FileStorage
from tests.server import Person, Server, running_server, until
from tests.survival.parts import LONG, Stored, dice_for

KILLS = 10 if LONG else 1
UPLOADERS = 3
HOUR = 3600
EDGE = "an-edge"
HEAD = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'.encode()
END = f"\r\n--{EDGE}--\r\n".encode()
FILE = ATTACHMENTS.c


def request(ann: Person, size: int) -> http.client.HTTPConnection:
    """An upload whose body is yet to be sent."""
    connection = http.client.HTTPConnection("127.0.0.1", ann.port, timeout=60)
    try:
        connection.putrequest("POST", "/attachments")
        connection.putheader("Authorization", f"Bearer {ann.token}")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={EDGE}")
        connection.putheader("Content-Length", str(len(HEAD) + size + len(END)))
        connection.endheaders()
        connection.send(HEAD)
    except OSError:
        connection.close()
        raise
    return connection


class Uploader(threading.Thread):
    """Sends one file after the other until the server is gone; `taken` are those that it acknowledged."""

    def __init__(self, ann: Person, number: int) -> None:
        super().__init__(daemon=True)
        self.taken: dict[str, bytes] = {}
        self._ann = ann
        self._dice = random.Random(number)

    def run(self) -> None:
        while True:
            data = self._dice.randbytes(20_000).hex().encode()
            try:
                with contextlib.closing(request(self._ann, len(data))) as connection:
                    connection.send(data + END)
                    response = connection.getresponse()
                    body = response.read().decode()
            except (OSError, http.client.HTTPException):
                return
            if response.status == 201:
                self.taken[body.partition('"id":"')[2][:36]] = data


def cut(server: Server, ann: Person) -> None:
    """Killed when half of a file has come."""
    waiting = request(ann, 1_000_000)
    waiting.send(b"x" * 500_000)
    until(lambda: any(one.stat().st_size for one in (server.folder / "files").glob(".put-*")), what="half a file")
    server.kill()
    waiting.close()


@pytest.mark.timeout(300)
def test_killed_while_files_arrive(database_url: str, tmp_path: Path, stored: Stored) -> None:
    dice, known = dice_for("kill uploads"), dict[str, bytes]()
    with running_server(database_url, tmp_path) as server:
        ann = server.person()
        for _ in range(KILLS):
            uploaders = [Uploader(ann, dice.getrandbits(32)) for _ in range(UPLOADERS)]
            for one in uploaders:
                one.start()
            until(lambda uploaders=uploaders: all(one.taken for one in uploaders), what="some files")
            time.sleep(dice.uniform(0, 0.3))
            server.kill()
            for one in uploaders:
                one.join(60)
                known |= one.taken
            server.start()
            rows = stored.rows(sa.select(FILE.id, FILE.digest, FILE.size))
            assert {str(row.id) for row in rows} >= known.keys()
            for row in rows:  # also of one whose answer was lost
                data = (tmp_path / "files" / row.digest[:2] / row.digest).read_bytes()
                assert (len(data), hashlib.sha256(data).hexdigest()) == (row.size, row.digest)
            for name, data in known.items():
                assert ann.call("GET", f"/attachments/{name}/content").body == data
        before = len(stored.rows(sa.select(FILE.id)))
        cut(server, ann)
        server.start()
        assert len(stored.rows(sa.select(FILE.id))) == before
        last = Uploader(ann, 0)
        last.start()
        until(lambda: last.taken, what="another file")
        server.kill()
        last.join(60)
    later = FileStorage(tmp_path / "files", lambda: time.time() + 2 * HOUR)
    later.sweep(lambda some: stored.store.read(lambda work: work.attachments.named(some)))
    left = {one.name for one in (tmp_path / "files").rglob("*") if one.is_file() and not one.name.endswith("lock")}
    assert left == {row.digest for row in stored.rows(sa.select(FILE.digest))}
