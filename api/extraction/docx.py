"""The text of a Word document: paragraphs, tables, notes. Runs in the child only.

The XML is read as it is unpacked, through expat with declarations forbidden: no entity is ever expanded, nothing is
fetched, and neither a small archive of large files nor a deep tree takes memory.
"""

from __future__ import annotations

import zipfile
from typing import Any, BinaryIO, Final
from xml.parsers import expat

from api.extraction.reasons import Unreadable

MAX_UNPACKED: Final = 64 * 1024 * 1024
MAX_MEMBERS: Final = 10_000
MAIN: Final = "word/document.xml"
PARTS: Final = (MAIN, "word/footnotes.xml", "word/endnotes.xml")
PIECE: Final = 64 * 1024
WORDS_OF: Final = frozenset(
    (
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    )
)
BREAKS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def text_of(file: BinaryIO, most: int) -> str:
    """Raises Unreadable, BadZipFile, ExpatError, and what the unpackers raise."""
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if len(members) > MAX_MEMBERS:
            raise Unreadable("too_heavy")
        if MAIN not in members:
            raise Unreadable("wrong_extension")
        found = [members[name] for name in PARTS if name in members]
        if any(info.flag_bits & 1 for info in found):
            raise Unreadable("encrypted")
        if sum(info.file_size for info in found) > MAX_UNPACKED:
            raise Unreadable("too_heavy")
        texts = _Texts(most)
        left = MAX_UNPACKED
        for info in found:
            with archive.open(info) as member:
                left = texts.read(member, left)
    return "".join(texts.pieces).strip()


class _Texts:
    def __init__(self, most: int) -> None:
        self.pieces: list[str] = []
        self._most = most
        self._open = 0  # <w:t> that we are in
        self._twice = 0  # what follows is an older form of what was read already

    def read(self, member: Any, left: int) -> int:
        """One part; returns how much may still be unpacked."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _forbidden
        parser.EntityDeclHandler = _forbidden
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._said
        while piece := member.read(PIECE):
            left -= len(piece)
            if left < 0:
                raise Unreadable("too_heavy")
            parser.Parse(piece, False)
        parser.Parse(b"", True)
        return left

    def _start(self, name: str, _attributes: object) -> None:
        space, _, local = name.rpartition(" ")
        if local == "Fallback":
            self._twice += 1
        elif space in WORDS_OF and not self._twice:
            if local == "t":
                self._open += 1
            elif local in BREAKS:
                self._add(BREAKS[local])

    def _end(self, name: str) -> None:
        space, _, local = name.rpartition(" ")
        if local == "Fallback":
            self._twice -= 1
        elif space in WORDS_OF and not self._twice:
            if local == "t":
                self._open -= 1
            elif local == "p":
                self._add("\n")

    def _said(self, text: str) -> None:
        if self._open:
            self._add(text)

    def _add(self, text: str) -> None:
        self.pieces.append(text)
        self._most -= len(text)
        if self._most < 0:
            raise Unreadable("too_long")


def _forbidden(*_: object) -> None:
    raise Unreadable("unsafe")
