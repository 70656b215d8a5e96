"""The files that rows name: what no row names any more goes, a part of the folder at a time."""

from __future__ import annotations

import itertools
from collections.abc import Collection

from api.repositories.unit_of_work import Store, UnitOfWork
from api.storage import FileStorage


class FileService:
    def __init__(self, store: Store, files: FileStorage) -> None:
        self._store = store
        self._files = files
        self._parts = itertools.cycle("0123456789abcdef")

    def sweep(self) -> int:
        """Remove the files without a row from the next sixteenth of the folder; how many. So nobody waits for long."""

        def named(digests: Collection[str]) -> Collection[str]:
            return self._store.read(lambda work: _named(work, digests))

        return self._files.sweep(named, f"{next(self._parts)}?")


def _named(work: UnitOfWork, digests: Collection[str]) -> set[str]:
    """Every table that names files."""
    return work.images.named(digests) | work.attachments.named(digests) | work.avatars.named(digests)
