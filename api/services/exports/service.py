"""Reading chats for their way out, a batch at a time: nothing is held in the database while a client takes its time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, get_args
from uuid import UUID

from api.domain.chats import Chat, Message, Reference
from api.domain.errors import NotFound
from api.domain.principal import Principal
from api.domain.transcripts import END, line, opening
from api.repositories.unit_of_work import Store
from api.services.chats import NO_CHAT
from api.services.exports.archive import archive
from api.services.exports.html import page
from api.services.exports.markdown import markdown
from api.storage import FileStorage

Form = Literal["json", "markdown", "html"]
FORMS: Final = get_args(Form)
BATCH: Final = 20  # messages may have a million characters each
CHATS: Final = 200
PIECE: Final = 1 << 16
SUFFIX: Final[dict[Form, str]] = {"json": "json", "markdown": "md", "html": "html"}
BRANCH: Final[dict[Form, Callable[[Chat, Iterable[Message]], Iterator[str]]]] = {"markdown": markdown, "html": page}


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is made while it is read."""

    name: str
    chunks: Iterator[bytes]


class ExportService:
    def __init__(self, store: Store, files: FileStorage) -> None:
        self._store = store
        self._stored = files

    def one(self, principal: Principal, reference: Reference, form: Form) -> Export:
        """A chat: all branches as JSON, the one that is shown as Markdown or HTML. Raises NotFound."""
        chat = self._store.read(lambda work: work.chats.get_owned(reference, principal.user_id))
        if chat is None:
            raise NotFound(NO_CHAT)
        pieces = self._as_json(chat) if form == "json" else BRANCH[form](chat, self._shown(chat))
        return Export(f"{_file_name(chat.title)}.{SUFFIX[form]}", _gathered(pieces))

    def all(self, principal: Principal) -> Export:
        """Every chat but the temporary ones, as a zip of JSON and of their messages' files."""
        chats = (self._as_json(chat) for chat in self._chats(principal.user_id))
        return Export("parley-chats.zip", archive(chats, self._files(principal.user_id)))

    def _chats(self, user_id: UUID) -> Iterator[Chat]:
        batch = self._store.read(lambda work: work.chats.kept_after(user_id, None, CHATS))
        while batch:
            yield from batch
            last = batch[-1].id
            batch = self._store.read(lambda work, last=last: work.chats.kept_after(user_id, last, CHATS))  # type: ignore[misc]

    def _files(self, user_id: UUID) -> Iterator[tuple[UUID, BinaryIO]]:
        """As far as they are on the disk."""
        batch = self._store.read(lambda work: work.attachments.sent_after(user_id, None, CHATS))
        while batch:
            for one in batch:
                with suppress(NotFound):
                    yield one.id, self._stored.open(one.digest)
            last = batch[-1].id
            batch = self._store.read(lambda work, last=last: work.attachments.sent_after(user_id, last, CHATS))  # type: ignore[misc]

    def _as_json(self, chat: Chat) -> Iterator[str]:
        yield opening(chat)
        for number, message in enumerate(self._said(chat)):
            yield "," + line(message) if number else line(message)
        yield END

    def _said(self, chat: Chat) -> Iterator[Message]:
        """All messages in the order in which they were said, which is: parents first."""
        last = 0
        while batch := self._store.read(
            lambda work, last=last: work.messages.said_after(chat.user_id, chat.id, last, BATCH)  # type: ignore[misc]
        ):
            yield from batch
            last = batch[-1].seq

    def _shown(self, chat: Chat) -> Iterator[Message]:
        """The branch that is shown, from its root."""
        ids = self._store.read(lambda work: work.messages.path_ids(chat.user_id, chat.head_id))
        for first in range(0, len(ids), BATCH):
            wanted = ids[first : first + BATCH]
            yield from self._store.read(lambda work, wanted=wanted: work.messages.some(chat.user_id, wanted))  # type: ignore[misc]


def _gathered(pieces: Iterable[str]) -> Iterator[bytes]:
    """In chunks worth sending."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece.encode())
        size += len(waiting[-1])
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _file_name(title: str) -> str:
    """Letters, digits and hyphens of any script: a name that is safe on every disk."""
    return re.sub(r"[\W_]+", "-", title).strip("-")[:60].rstrip("-") or "chat"
