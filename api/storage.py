"""Files by the hash of their bytes: `files/<first two digits>/<sha256>`, equal bytes once.

Rows name files, and files know nothing of rows. So a file is removed only by `sweep`: where no row names it, and
nobody put it within the last hour, because the row of a new file is written after it. Replicas share the folder.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from api.domain.errors import Invalid, NotFound, StoreUnavailable

GRACE_SECONDS: Final = 3600.0
SWEEP_BATCH: Final = 200
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
FULL_DISK: Final = "The disk of this server is full; nothing was kept. Tell whoever runs it."
DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`digest` is the SHA-256 in hexadecimal, `size` in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """`file` reads the bytes from their beginning; `keep` makes them a file by their hash."""

    file: BinaryIO
    stored: StoredFile
    keep: Callable[[], StoredFile]


class FileStorage:
    """Safe for any number of threads and processes over one folder, which is made at the first `put`."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def put(self, chunks: Iterable[bytes], most: int) -> StoredFile:
        """Keep these bytes, at most so many. Raises Invalid where there are more, StoreUnavailable where the disk
        is full; then nothing is kept."""
        with self.arriving(chunks, most) as arrived:
            return arrived.keep()

    @contextmanager
    def arriving(self, chunks: Iterable[bytes], most: int) -> Iterator[ArrivedFile]:
        """These bytes on the disk, to be looked at: gone at the end unless they are kept. Raises as `put` does."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._draft() as draft:
                stored = _copy(chunks, draft, most)
                draft.seek(0)
                yield ArrivedFile(draft, stored, lambda: self._keep(Path(draft.name), stored))
        except OSError as error:
            if error.errno in FULL:
                raise StoreUnavailable(FULL_DISK, retry_after=60) from error
            raise

    def open(self, digest: str) -> BinaryIO:
        """The bytes, for reading. Raises NotFound."""
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            raise NotFound("The file is no longer on this server's disk.") from None

    def read(self, digest: str) -> bytes:
        """All bytes at once; for files that are known to be small. Raises NotFound."""
        with self.open(digest) as file:
            return file.read()

    def sweep(self, named: Callable[[Collection[str]], Collection[str]], folders: str = "??") -> int:
        """Remove the files that no row names; `named` tells which of some digests have one. How many went. `folders`:
        only in those whose names match."""
        removed = 0
        for batch in self._batches(folders):
            gone = set(batch) - set(named(batch))
            removed += sum(self._remove(digest) for digest in gone)
        self._remove_drafts()
        return removed

    @contextmanager
    def _draft(self) -> Iterator[BinaryIO]:
        """A file that is gone at the end, unless it got another name."""
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".put-")
        try:
            with open(name, "w+b", opener=lambda *_: descriptor) as draft:
                yield draft
        finally:
            Path(name).unlink(missing_ok=True)

    def _keep(self, draft: Path, stored: StoredFile) -> StoredFile:
        target = self._path(stored.digest)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        with self._locked(fcntl.LOCK_SH):
            draft.replace(target)  # where it was already: the same bytes, and a new hour
        _sync(target.parent)
        return stored

    def _remove(self, digest: str) -> bool:
        path = self._path(digest)
        with self._locked(fcntl.LOCK_EX):
            if not self._old(path):
                return False
            path.unlink(missing_ok=True)
            return True

    def _batches(self, folders: str) -> Iterator[list[str]]:
        batch = []
        for path in self._folder.glob(f"{folders}/*"):
            if DIGEST.match(path.name) and self._old(path):
                batch.append(path.name)
            if len(batch) == SWEEP_BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _remove_drafts(self) -> None:
        """What processes that were killed had begun."""
        for path in self._folder.glob(".put-*"):
            if self._old(path):
                path.unlink(missing_ok=True)

    def _old(self, path: Path) -> bool:
        try:
            return path.stat().st_mtime < self._clock() - GRACE_SECONDS
        except FileNotFoundError:
            return False

    def _path(self, digest: str) -> Path:
        if not DIGEST.match(digest):
            raise NotFound("There is no such file.")
        return self._folder / digest[:2] / digest

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Between processes too: a file is not swept in the moment in which it is put again."""
        with (self._folder / ".lock").open("a") as file:
            fcntl.flock(file, how)
            yield


def _copy(chunks: Iterable[bytes], draft: BinaryIO, most: int) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise Invalid(f"The file has more than {most:,} bytes. Send a smaller one.")
        digest.update(chunk)
        draft.write(chunk)
    draft.flush()
    os.fsync(draft.fileno())
    return StoredFile(digest.hexdigest(), size)


def _sync(folder: Path) -> None:
    """A name is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
