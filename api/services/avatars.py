"""Avatars: a picture that somebody uploads, drawn anew and shown to everybody who has an account here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import BinaryIO, Final
from uuid import UUID

from api.domain import clock
from api.domain.accounts import User
from api.domain.avatars import Avatar, address
from api.domain.errors import NotFound
from api.domain.pictures import MAX_SIDE, PICTURE_HEAD, picture_of
from api.extraction.documents import DocumentReader
from api.extraction.kinds import bounded, refused
from api.repositories.unit_of_work import Store, UnitOfWork
from api.storage import FileStorage

UPLOAD_BYTES: Final = 10 * 1024 * 1024
NO_AVATAR: Final = "This account has no avatar on this server."
NO_PICTURE: Final = f"Send a picture: PNG, JPEG, GIF or WebP, of at most {MAX_SIDE:,} pixels a side."


class AvatarService:
    """What is sent is never what is served: only its pixels are, so that a photo does not tell where it was taken."""

    def __init__(self, store: Store, files: FileStorage, reader: DocumentReader) -> None:
        self._store = store
        self._files = files
        self._reader = reader

    def put(self, user_id: UUID, chunks: Iterable[bytes]) -> User:
        """Make this picture the account's avatar, in place of what it had; what was sent is not kept. Raises
        FileRefused, FileTooLarge, Overloaded, StoreUnavailable, NotFound; then nothing is changed."""
        with self._files.arriving(bounded(chunks, UPLOAD_BYTES), UPLOAD_BYTES) as sent:
            if sent.stored.size == 0:
                raise refused("empty")
            if picture_of(os.pread(sent.file.fileno(), PICTURE_HEAD, 0)) is None:
                raise refused("not_taken", NO_PICTURE)
            drawn = self._reader.avatar(sent.file)
        stored = self._files.put([drawn], len(drawn))

        def keep(work: UnitOfWork) -> User | None:
            user = work.accounts.hold(user_id)
            if user is None or not user.is_active:
                return None
            work.avatars.put(Avatar(user_id, stored.digest, stored.size, clock.now()))
            work.accounts.update(user_id, {"avatar_url": address(user_id)})
            return work.accounts.get(user_id)

        user = self._store.write(keep)
        if user is None:
            raise NotFound("This account does not exist.")
        return user

    def open(self, user_id: UUID) -> tuple[Avatar, BinaryIO]:
        """An uploaded avatar and its bytes. Raises NotFound."""
        found = self._store.read(lambda work: work.avatars.get(user_id))
        if found is None:
            raise NotFound(NO_AVATAR)
        return found, self._files.open(found.digest)

    def delete(self, user_id: UUID) -> None:
        """Afterwards the account has none, here or elsewhere. Raises NotFound where it had none."""

        def remove(work: UnitOfWork) -> bool:
            user = work.accounts.hold(user_id)
            if user is None or user.avatar_url is None:
                return False
            work.avatars.delete(user_id)
            return work.accounts.update(user_id, {"avatar_url": None})

        if not self._store.write(remove):
            raise NotFound("There is no avatar to remove.")
