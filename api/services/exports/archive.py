"""A zip written as it is sent: nothing of it is kept but a part's name and sum, however large it gets."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final
from uuid import UUID

from api.domain.transcripts import FILES, FORMAT, VERSION

PART_CHATS: Final = 1000
PART_CHARS: Final = 32_000_000
PIECE: Final = 1 << 16
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # equal chats, equal bytes


class _Sink:
    """What the zip writes to: it can neither seek nor be read, and hands over what it has."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return taken


def archive(chats: Iterable[Iterable[str]], files: Iterable[tuple[UUID, BinaryIO]]) -> Iterator[bytes]:
    """Chats, each as the pieces of its file, in numbered parts that are JSON arrays; the files of their messages, each
    under its id; last a manifest."""
    sink: Any = _Sink()
    count = parts = 0
    source = iter(chats)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        following = next(source, None)
        while following is not None:
            parts += 1
            with target.open(_named(f"chats-{parts:04}.json"), "w", force_zip64=True) as part:
                written = in_part = 0
                while following is not None and in_part < PART_CHATS and written < PART_CHARS:
                    part.write(b",\n" if in_part else b"[\n")
                    for piece in following:
                        written += len(piece)
                        part.write(piece.encode())
                        if sink.size >= PIECE:
                            yield sink.take()
                    in_part += 1
                    following = next(source, None)
                part.write(b"]\n")
            count += in_part
        enclosed = 0
        for file_id, file in files:
            enclosed += 1
            with file, target.open(_named(f"{FILES}{file_id}"), "w", force_zip64=True) as member:
                while data := file.read(PIECE):
                    member.write(data)
                    if sink.size >= PIECE:
                        yield sink.take()
        manifest = {"format": FORMAT, "version": VERSION, "chats": count, "parts": parts, "files": enclosed}
        target.writestr(_named("manifest.json"), json.dumps(manifest))
    yield sink.take()


def _named(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
