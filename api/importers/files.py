"""A file of conversations of any source, zip or JSON: each is recognised by its own form and read by itself.

Names within a zip are told in reports and used for nothing else; what is unpacked is counted while it is.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, Final
from uuid import UUID

from api.domain.ids import parse_id
from api.domain.transcripts import FILES, Transcript
from api.importers import chatgpt, claude, librechat, open_webui, parley
from api.importers.json_stream import BreaksOff, Piece, decoded, pieces
from api.importers.values import Unreadable, identifier, line, mapping

CHUNK: Final = 1 << 18
LISTED: Final = 400  # bytes of a zip's list that an entry may take
READERS: Final = (parley, chatgpt, claude, open_webui, librechat)
CONVERSATIONS: Final = re.compile(r"conversations[^/]*\.jsonl?|chats-\d+\.json", re.I)
OTHERS: Final = re.compile(
    "users?|user_settings|message_feedback|model_comparisons|shared_conversations|export_manifest|projects|memories|"
    "manifest",
    re.I,
)
# RuntimeError: zipfile's word for what is encrypted, or packed in a way that it does not know.
DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError)
UNKNOWN: Final = "It has none of the forms that are read: Parley, ChatGPT, Claude, Open WebUI, LibreChat."


@dataclass(frozen=True, slots=True)
class Limits:
    """`unpacked` bytes of a file in all, `conversation` bytes of one, `members` of a zip."""

    unpacked: int
    conversation: int
    members: int = 10_000


@dataclass(frozen=True, slots=True)
class Failure:
    """A conversation, or the rest of a file, that cannot be read; and why."""

    title: str
    detail: str
    source: str | None = None
    id: str | None = None
    fault: Exception | None = None  # ours: to be logged


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A message's file, in a zip of ours. Its bytes are read once, before the next one is asked for; that raises
    Unreadable."""

    id: UUID
    chunks: Iterator[bytes]


class Unusable(Exception):
    """Nothing of this file can be read."""


Progress = Callable[[int], None]


def conversations(file: BinaryIO, limits: Limits, progress: Progress) -> Iterator[Transcript | Enclosed | Failure]:
    """All of a file's, one in memory at a time. `progress` is told how many of its bytes are behind us. Raises
    Unusable."""
    file.seek(0)
    magic = file.read(4)
    file.seek(0)
    if magic[:2] == b"PK":
        yield from _of_zip(file, limits, progress)
    elif magic[:2] in (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b") or not magic.strip():
        raise Unusable("This is neither a zip nor JSON in UTF-8. Import the file as the other product wrote it.")
    else:
        yield from _of_json(_Counted(file, limits.unpacked, progress), limits)


def _of_zip(file: BinaryIO, limits: Limits, progress: Progress) -> Iterator[Transcript | Enclosed | Failure]:
    try:
        _refuse_many(file, limits.members)
        archive = zipfile.ZipFile(file)
    except DAMAGED as error:
        raise Unusable("The zip is damaged or only half here. Download it again and import the whole file.") from error
    with archive:
        chosen = _chosen(archive.infolist())
        left, behind = limits.unpacked, 0
        for member in chosen:
            name = line(PurePosixPath(member.filename).name, 100) or "a file without a name"
            try:
                with archive.open(member) as unpacked:
                    source = _Counted(unpacked, left, lambda _: None)
                    for one in _of_json(source, limits, name):
                        yield one
                        share = min(1.0, source.size / max(1, member.file_size))
                        progress(behind + int(member.compress_size * share))
                    left -= source.size
            except DAMAGED as error:
                yield Failure(name, _why(error))
            behind += member.compress_size
            progress(behind)
        for member in archive.infolist():
            if (file_id := _enclosed(member)) is not None:
                try:
                    with archive.open(member) as unpacked:
                        source = _Counted(unpacked, left, lambda _: None)
                        yield Enclosed(file_id, _unpacked(source))
                        left -= source.size
                except DAMAGED as error:
                    yield Failure(line(member.filename, 100) or "a file", _why(error))
                behind += member.compress_size
                progress(behind)


def _enclosed(member: zipfile.ZipInfo) -> UUID | None:
    return parse_id(member.filename.removeprefix(FILES)) if member.filename.startswith(FILES) else None


def _unpacked(source: _Counted) -> Iterator[bytes]:
    try:
        yield from source
    except DAMAGED as error:
        raise Unreadable("It is damaged; its message is in without it.") from error
    except _TooMuch as error:
        raise Unreadable("There is more in this import than this server unpacks (IMPORT_UNPACKED_BYTES).") from error


def _refuse_many(file: BinaryIO, most: int) -> None:
    """Before the list is read, because it is read whole. Raises BadZipFile, Unusable."""
    record = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if record is None:
        raise zipfile.BadZipFile
    entries, size = record[4], record[5]
    if entries > most or size > most * LISTED:
        raise Unusable(f"The zip has more than {most:,} entries. Import its JSON files by themselves.")


def _why(error: Exception) -> str:
    if isinstance(error, RuntimeError) and "encrypted" in str(error):
        return "It is encrypted; only open files can be read."
    return "It is damaged from here on; what came before is in. Download the zip again and import it once more."


def _chosen(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The files that hold conversations, by name; where no name says so, every JSON file that is not known to hold
    something else. Raises Unusable."""
    files = [one for one in members if re.search(r"\.jsonl?$", one.filename, re.I) and not one.is_dir()]
    named = [one for one in files if CONVERSATIONS.fullmatch(PurePosixPath(one.filename).name)]
    chosen = named or [one for one in files if not OTHERS.fullmatch(PurePosixPath(one.filename).stem)]
    if not chosen:
        raise Unusable("The zip holds no JSON file with conversations.")
    return sorted(chosen, key=lambda one: one.filename)


def _of_json(source: _Counted, limits: Limits, name: str = "the file") -> Iterator[Transcript | Failure]:
    try:
        for number, piece in enumerate(pieces(source, limits.conversation), 1):
            yield _read(piece, number)
    except BreaksOff:
        yield Failure(name, "It breaks off in the middle of a conversation; what came before is in. Export it again.")
    except _TooMuch:
        yield Failure(name, "It holds more than this server unpacks of one import (IMPORT_UNPACKED_BYTES); split it.")


def _read(piece: Piece, number: int) -> Transcript | Failure:
    title, source, found = f"conversation {number}", None, None
    try:
        item = decoded(piece)
        if not isinstance(item, dict):
            raise Unreadable("It is no object.")
        title, found = _title_of(item) or title, _id_of(item)
        for reader in READERS:
            if reader.recognised(item):
                source = reader.SOURCE
                transcript: Transcript = reader.read(item)
                return transcript
        raise Unreadable(UNKNOWN)
    except Unreadable as error:
        return Failure(title, str(error), source, found)
    except Exception as error:  # of a form that nobody thought of; the others are read all the same
        return Failure(title, "It could not be read; the server's log says why.", source, found, error)


def _title_of(item: Mapping[str, Any]) -> str | None:
    chat = mapping(item.get("chat"))
    return line(item.get("title"), 200) or line(item.get("name"), 200) or line(chat.get("title"), 200)


def _id_of(item: Mapping[str, Any]) -> str | None:
    names = ("id", "conversation_id", "uuid", "conversationId")
    found = [identifier(item.get(name)) for name in names] + [identifier(mapping(item.get("chat")).get("id"))]
    return next(filter(None, found), None)


class _TooMuch(Exception):
    pass


class _Counted:
    """A file in chunks, up to so many bytes."""

    def __init__(self, file: IO[bytes], most: int, progress: Progress) -> None:
        self._file = file
        self._most = most
        self._progress = progress
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK):
            self.size += len(chunk)
            if self.size > self._most:
                raise _TooMuch
            self._progress(self.size)
            yield chunk
