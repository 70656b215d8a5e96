"""Files of messages: taken in whole or refused with a reason, shown to their owner alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, BinaryIO
from uuid import UUID

from api.domain import clock
from api.domain.attachments import Attachment, clean_name
from api.domain.errors import Conflict, Invalid, NotFound
from api.domain.ids import new_id, parse_id
from api.domain.pictures import MAX_SIDE, PICTURE_HEAD, Picture, picture_of
from api.domain.principal import Principal
from api.extraction.documents import DocumentReader
from api.extraction.kinds import HEAD_BYTES, Kind, bounded, kind_of, refused
from api.extraction.texts import decoded
from api.repositories.unit_of_work import Store, UnitOfWork
from api.storage import FileStorage, StoredFile

NO_FILE = "There is no such file."


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Of a file, in bytes and in characters of text; of a message, in files; of an account, in bytes."""

    file_bytes: int
    chars: int
    message_files: int
    account_bytes: int


@dataclass(frozen=True, slots=True)
class _Read:
    """What is in a file: a picture's size, or a text and where that is kept."""

    picture: Picture | None = None
    text: StoredFile | None = None
    chars: int | None = None


class AttachmentService:
    def __init__(self, store: Store, files: FileStorage, documents: DocumentReader, limits: FileLimits) -> None:
        self._store = store
        self._files = files
        self._documents = documents
        self._limits = limits

    def add(self, principal: Principal, name: str, chunks: Iterable[bytes]) -> Attachment:
        """Keep a file as it arrives. Raises FileRefused, FileTooLarge, Overloaded, StoreUnavailable; then nothing is
        kept."""
        self._store.read(lambda work: self._refuse_if_full(work, principal.user_id))
        made = self._taken(principal.user_id, name, chunks)

        def keep(work: UnitOfWork) -> Attachment:
            self._add(work, made)
            return made

        return self._store.write(keep)

    def restore(self, principal: Principal, message_id: UUID, file_id: UUID, chunks: Iterable[bytes]) -> bool:
        """A file that an imported message names, under its old id; whether it was missing. Raises as `add` does, and
        Invalid where it is not the file that the message tells of."""
        user_id = principal.user_id
        part = self._store.read(lambda work: _missing(work, user_id, message_id, file_id))
        if part is None:
            return False
        made = self._taken(user_id, part["name"], chunks)
        if (made.kind, made.size) != (part["kind"], part["size"]):
            raise Invalid("The file is not the one that its message tells of.")

        def keep(work: UnitOfWork) -> bool:
            if _missing(work, user_id, message_id, file_id) is None:
                return False
            self._add(work, replace(made, id=file_id, message_id=message_id))
            return True

        return self._store.write(keep)

    def _taken(self, user_id: UUID, name: str, chunks: Iterable[bytes]) -> Attachment:
        """A file that is on the disk and understood, and has no row yet."""
        arriving = _Arriving(clean_name(name), chunks, self._limits)
        with self._files.arriving(arriving, self._limits.file_bytes) as arrived:
            kind = arriving.kind
            read = self._read(kind, arrived.file)
            stored = arrived.keep()
        return Attachment(
            user_id=user_id,
            id=new_id(),
            message_id=None,
            name=arriving.name,
            kind=kind.name,
            mime=kind.mime,
            size=stored.size,
            digest=stored.digest,
            text_digest=read.text.digest if read.text else None,
            text_size=read.text.size if read.text else None,
            chars=read.chars,
            width=read.picture.width if read.picture else None,
            height=read.picture.height if read.picture else None,
            created_at=clock.now(),
        )

    def _add(self, work: UnitOfWork, made: Attachment) -> None:
        work.accounts.hold(made.user_id)  # of parallel uploads, one after the other
        self._refuse_if_full(work, made.user_id, made)
        work.attachments.add([made])

    def get(self, principal: Principal, reference: str) -> Attachment:
        """Raises NotFound."""
        return self._store.read(lambda work: _owned(work, principal, reference))

    def open(self, principal: Principal, reference: str) -> tuple[Attachment, BinaryIO]:
        """The file and its bytes. Raises NotFound."""
        found = self.get(principal, reference)
        return found, self._files.open(found.digest)

    def delete(self, principal: Principal, reference: str) -> None:
        """Remove what was not sent. Raises NotFound; Conflict for a message's file, which goes with its message."""

        def remove(work: UnitOfWork) -> None:
            found = _owned(work, principal, reference)
            if not work.attachments.delete_unsent(principal.user_id, found.id):
                raise Conflict("This file belongs to a message; delete the message, or edit it without the file.")

        self._store.write(remove)

    def _refuse_if_full(self, work: UnitOfWork, user_id: UUID, new: Attachment | None = None) -> None:
        """Where there is no room for a new file; without one, where there is none for any."""
        others = work.attachments.stored_bytes(user_id, besides=new.digest if new else "")
        if others + (new.size if new else 1) > self._limits.account_bytes:
            raise refused("account_full")

    def _read(self, kind: Kind, file: BinaryIO) -> _Read:
        if kind.name == "image":
            return _Read(picture=_picture(file.read(PICTURE_HEAD)))
        if kind.name == "text":
            text = decoded(file.read(), self._limits.chars)
        else:
            text = self._documents.text(kind.name, file, self._limits.chars)
        data = text.encode()
        return _Read(text=self._files.put([data], len(data)), chars=len(text))


class _Arriving:
    """A file's bytes on their way to the disk; `kind` is known once they are there. Refused as early as can be."""

    kind: Kind

    def __init__(self, name: str, chunks: Iterable[bytes], limits: FileLimits) -> None:
        self.name = name
        self._chunks = bounded(chunks, limits.file_bytes)
        self._most_text = 4 * limits.chars + 4  # no character takes more

    def __iter__(self) -> Iterator[bytes]:
        head = b""
        while len(head) < HEAD_BYTES and (chunk := next(self._chunks, None)) is not None:
            head += chunk
        self.kind = kind_of(self.name, head)
        size = 0
        for chunk in chain((head,), self._chunks):
            size += len(chunk)
            if self.kind.name == "text" and size > self._most_text:
                raise refused("too_long")
            yield chunk


def _picture(head: bytes) -> Picture:
    found = picture_of(head)
    if found is None:
        words = f"The image is damaged, or larger than {MAX_SIDE:,} pixels a side. Open it, save it anew and send that."
        raise refused("damaged", words)
    return found


def _missing(work: UnitOfWork, user_id: UUID, message_id: UUID, file_id: UUID) -> dict[str, Any] | None:
    """What a message tells of a file of its that is not here."""
    message = work.messages.get_owned(message_id, user_id)
    told = [one for one in (message.attachments if message else []) if parse_id(one["id"]) == file_id]
    return told[0] if told and not work.attachments.some(user_id, [file_id]) else None


def _owned(work: UnitOfWork, principal: Principal, reference: str) -> Attachment:
    attachment_id = parse_id(reference)
    found = work.attachments.get_owned(attachment_id, principal.user_id) if attachment_id else None
    if found is None:
        raise NotFound(NO_FILE)
    return found
