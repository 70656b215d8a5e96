"""Files by hash: kept once, whole or not at all, and swept only where nobody names them."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.domain.errors import Invalid, NotFound, StoreUnavailable
from api.storage import GRACE_SECONDS, FileStorage

LATER = GRACE_SECONDS * 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


def later(folder: Path) -> FileStorage:
    """The same folder when the hour of what is in it is over."""
    return FileStorage(folder, clock=lambda: time.time() + LATER)


def everything(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def test_what_was_put_is_read(folder: Path) -> None:
    stored = FileStorage(folder).put([b"one ", b"", b"two"], most=7)
    assert (stored.digest, stored.size) == (hashlib.sha256(b"one two").hexdigest(), 7)
    assert FileStorage(folder).read(stored.digest) == b"one two"
    assert [path.stat().st_mode & 0o077 for path in folder.rglob("*") if path.name == stored.digest] == [0]


def test_equal_bytes_are_kept_once(folder: Path) -> None:
    files = FileStorage(folder)
    assert files.put([b"same"], 100) == files.put([b"sa", b"me"], 100)
    assert len(everything(folder)) == 1


def test_too_much_is_refused_and_leaves_nothing(folder: Path) -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield b"x" * 10

    with pytest.raises(Invalid, match="more than 25 bytes"):
        FileStorage(folder).put(endless(), most=25)
    assert len(taken) == 3, "read on after it was too much"
    assert everything(folder) == []


def test_a_sender_that_breaks_off_leaves_nothing(folder: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"begun"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        FileStorage(folder).put(broken(), 100)
    assert everything(folder) == []


def test_a_full_disk_has_its_words(folder: Path) -> None:
    def full() -> Iterator[bytes]:
        yield b"begun"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreUnavailable, match="disk of this server is full"):
        FileStorage(folder).put(full(), 100)
    assert everything(folder) == []


@pytest.mark.parametrize("name", ["", "../secrets.env", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n", "a" * 64])
def test_no_other_file_can_be_named(folder: Path, name: str) -> None:
    with pytest.raises(NotFound):
        FileStorage(folder).open(name)


def test_the_sweep_takes_what_nobody_names(folder: Path) -> None:
    files = FileStorage(folder)
    named, orphan = files.put([b"named"], 100), files.put([b"orphan"], 100)
    assert later(folder).sweep(lambda digests: {named.digest} & set(digests)) == 1
    assert files.read(named.digest) == b"named"
    with pytest.raises(NotFound):
        files.open(orphan.digest)


def test_the_sweep_leaves_what_is_new(folder: Path) -> None:
    """Its row may be on its way."""
    files = FileStorage(folder)
    stored = files.put([b"new"], 100)
    assert files.sweep(lambda _: ()) == 0
    assert files.read(stored.digest) == b"new"


def test_put_again_is_new_again(folder: Path) -> None:
    files = FileStorage(folder)
    path = folder / (stored := files.put([b"again"], 100)).digest[:2] / stored.digest
    os.utime(path, (1, 1))
    files.put([b"again"], 100)
    assert files.sweep(lambda _: ()) == 0


def test_put_again_while_the_sweep_looks(folder: Path) -> None:
    """Between the question who names it and its removal the file was put a second time: it stays."""
    files = FileStorage(folder)
    stored = files.put([b"again"], 100)
    os.utime(folder / stored.digest[:2] / stored.digest, (1, 1))

    def asked(_: object) -> tuple[str, ...]:
        files.put([b"again"], 100)
        return ()

    assert files.sweep(asked) == 0
    assert files.read(stored.digest) == b"again"


def test_the_sweep_takes_what_a_killed_process_began(folder: Path) -> None:
    files = FileStorage(folder)
    files.put([b"kept"], 100)
    draft = folder / ".put-killed"
    draft.write_bytes(b"half")
    assert files.sweep(lambda digests: digests) == 0
    assert draft.exists()
    os.utime(draft, (1, 1))
    files.sweep(lambda digests: digests)
    assert not draft.exists()


def test_a_sweep_of_nothing(folder: Path) -> None:
    assert FileStorage(folder).sweep(lambda digests: digests) == 0


def test_many_put_the_same_at_once(folder: Path) -> None:
    files, failed = FileStorage(folder), []

    def put() -> None:
        try:
            for number in range(20):
                files.put([f"text {number}".encode()], 100)
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(everything(folder)) == 20
