"""Files in messages: chosen by who sends, tied to the message, copied with it, and read when a model is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from api.domain.attachments import Attachment, block, ids_in, parts_of
from api.domain.chats import Message, Spoken
from api.domain.conversation import FilePart, ImagePart, Part, Turn
from api.domain.errors import FileRefused, Invalid, NotFound
from api.domain.ids import new_id, parse_id
from api.domain.principal import Principal
from api.domain.sealed import given_back
from api.domain.sight import MOST_IMAGE_BYTES
from api.extraction.kinds import refused
from api.repositories.unit_of_work import UnitOfWork
from api.services.attachments import NO_FILE, FileLimits
from api.storage import FileStorage


class Enclosures:
    """Messages without files cost no statement here."""

    def __init__(self, files: FileStorage, limits: FileLimits) -> None:
        self._files = files
        self._limits = limits

    # Sending

    def chosen(self, work: UnitOfWork, principal: Principal, references: Sequence[str]) -> tuple[Attachment, ...]:
        """The files of a new message. One that a message has already is taken again, as a row of its own. Raises
        NotFound, Invalid, FileRefused."""
        if not references:
            return ()
        ids = [parse_id(reference) for reference in references]
        if len(ids) > self._limits.message_files:
            raise Invalid.at(
                "attachments", f"A message carries at most {self._limits.message_files} files. Send fewer."
            )
        if len(set(ids)) < len(ids):
            raise Invalid.at("attachments", "Name each file once.")
        known = work.attachments.some(principal.user_id, [one for one in ids if one is not None], hold=True)
        if any(one not in known for one in ids):
            raise NotFound(NO_FILE)
        return self._checked(tuple(_fresh(known[one]) for one in ids if one is not None))

    def kept(self, work: UnitOfWork, message: Message) -> tuple[Attachment, ...]:
        """A message's files, for another one."""
        found = self._of(work, message.user_id, [message.parts])
        return tuple(_fresh(found[one]) for one in ids_in(message.parts) if one in found)

    def _checked(self, files: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
        if sum(file.chars or 0 for file in files) > self._limits.chars:
            most = f"{self._limits.chars:,} characters"
            raise refused("too_long", f"The files have more than {most} of text in all. Send fewer, or parts of them.")
        if sum(file.size for file in files if file.is_image) > MOST_IMAGE_BYTES:
            words = f"The images have more than {MOST_IMAGE_BYTES:,} bytes in all. Send fewer or smaller ones."
            raise FileRefused(words, reason="too_large")
        return files

    @staticmethod
    def enclose(work: UnitOfWork, message: Message | None, files: Sequence[Attachment]) -> None:
        """They are the message's, which is stored by now."""
        if message is None or not files:
            return
        work.attachments.send(message.user_id, [one.id for one in files if one.message_id is None], message.id)
        work.attachments.add([replace(one, message_id=message.id) for one in files if one.message_id is not None])

    # What was said before

    def spoken(self, work: UnitOfWork, user_id: UUID, rows: Iterable[tuple[str, str, str, Any]]) -> list[Spoken]:
        """A path's messages (role, text, kind, parts) with their files, as far as these are this user's."""
        said = list(rows)
        found = self._of(work, user_id, [parts for *_, parts in said if parts])
        return [
            Spoken(role, text, kind, tuple(found[one] for one in ids_in(parts) if one in found), given_back(parts))
            if parts
            else Spoken(role, text, kind)
            for role, text, kind, parts in said
        ]

    def copied(self, work: UnitOfWork, copies: Sequence[Message]) -> tuple[list[Message], list[Attachment]]:
        """Messages that are copies of others, with files of their own."""
        found = self._of(work, copies[0].user_id, [one.parts for one in copies if one.parts]) if copies else {}
        messages, files = [], []
        for one in copies:
            rows = [found[name] for name in ids_in(one.parts) if name in found]
            own = [replace(row, id=new_id(), message_id=one.id) for row in rows]
            files += own
            messages.append(replace(one, parts=parts_of(own)) if own else one)
        return messages, files

    @staticmethod
    def _of(work: UnitOfWork, user_id: UUID, parts: Collection[Any]) -> dict[UUID, Attachment]:
        ids = {one for each in parts for one in ids_in(each)}
        return work.attachments.some(user_id, ids) if ids else {}

    # Asking a model; no transaction is open by then

    def opened(self, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
        """The turns with what is in their files. Raises NotFound where one is no longer on the disk."""
        if not any(turn.parts for turn in turns):
            return turns
        return tuple(self._opened(turn) if any(isinstance(p, FilePart) for p in turn.parts) else turn for turn in turns)

    def _opened(self, turn: Turn) -> Turn:
        texts, parts = [turn.content], list[Part]()
        for part in turn.parts:
            if not isinstance(part, FilePart):
                parts.append(part)
            elif part.file.text_digest is None:
                parts.append(ImagePart(part.file.mime, self._files.read(part.file.digest)))
            else:
                texts.append(block(part.file, self._files.read(part.file.text_digest).decode()))
        return replace(turn, content="\n\n".join(texts), parts=tuple(parts))


def _fresh(file: Attachment) -> Attachment:
    """The file for a new message: itself where it has none yet, else another row of it."""
    return file if file.message_id is None else replace(file, id=new_id())
