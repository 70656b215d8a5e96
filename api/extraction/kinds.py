"""What a file is, by its name and its first bytes: both must say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from api.domain.errors import FileRefused, FileTooLarge
from api.extraction.reasons import WORDS

HEAD_BYTES: Final = 4096
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_ZIP: Final = "a ZIP archive"
_OLE: Final = "an old or protected Office document"


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is text, pdf, docx or image."""

    name: str
    mime: str


TEXT: Final = Kind("text", "text/plain; charset=utf-8")
WIDE_TEXT: Final = Kind("text", "text/plain; charset=utf-16")
_PDF: Final = Kind("pdf", "application/pdf")
_DOCX: Final = Kind("docx", DOCX)
_PNG: Final = Kind("image", "image/png")
_JPEG: Final = Kind("image", "image/jpeg")
_GIF: Final = Kind("image", "image/gif")
_WEBP: Final = Kind("image", "image/webp")
_BY_SUFFIX: Final = {
    ".pdf": _PDF,
    ".docx": _DOCX,
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".gif": _GIF,
    ".webp": _WEBP,
}
_CALLED: Final = {_PDF: "a PDF", _DOCX: _ZIP, _PNG: "a PNG", _JPEG: "a JPEG", _GIF: "a GIF", _WEBP: "a WebP"}


def refused(reason: str, detail: str = "") -> FileRefused:
    """The refusal of a file for one of the known reasons, in its usual words or in others."""
    return FileRefused(detail or WORDS[reason], reason=reason)


def bounded(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The chunks, as long as they are no more bytes than that. Raises FileTooLarge."""
    left = most
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise FileTooLarge(f"The file has more than {most:,} bytes. Send a smaller one.")
        yield chunk


def kind_of(name: str, head: bytes) -> Kind:
    """`head`: the first HEAD_BYTES of the file, or all of a shorter one. Raises FileRefused."""
    if not head:
        raise refused("empty")
    suffix = PurePath(name).suffix.lower()
    named, seen = _BY_SUFFIX.get(suffix), _seen(head)
    if named is not None:
        if seen == _CALLED[named]:
            return named
        if named is _DOCX and seen == _OLE:
            raise refused("encrypted")
        raise refused("wrong_extension", f"The file is named {suffix} and is {seen or 'none'}. Send it as it was made.")
    if seen in (_ZIP, _OLE):
        raise refused("not_taken")
    if seen is not None:
        raise refused("wrong_extension", f"The file is {seen}, and its name does not say so. Name it accordingly.")
    return WIDE_TEXT if head.startswith(UTF_16) else TEXT


def _seen(head: bytes) -> str | None:
    """What the bytes say of themselves; None where it may be text."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _CALLED[_PNG]
    if head.startswith(b"\xff\xd8\xff"):
        return _CALLED[_JPEG]
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _CALLED[_GIF]
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _CALLED[_WEBP]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _ZIP
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _OLE
    return _CALLED[_PDF] if head.lstrip(b"\xef\xbb\xbf\t\n\r ").startswith(b"%PDF-") else None
