"""The text of a PDF. Runs in the child only."""

from __future__ import annotations

from typing import BinaryIO, Final

from pypdf import PdfReader

from api.extraction.reasons import Unreadable

MAX_PAGES: Final = 5000


def text_of(file: BinaryIO, most: int) -> str:
    """All pages' text. Raises Unreadable, and whatever a damaged file makes of the library."""
    reader = PdfReader(file)
    if reader.is_encrypted and not _opens(reader):
        raise Unreadable("encrypted")
    if len(reader.pages) > MAX_PAGES:
        raise Unreadable("too_long")
    pages: list[str] = []
    for page in reader.pages:
        pages.append(page.extract_text().strip())
        most -= len(pages[-1]) + 2
        if most < -2:
            raise Unreadable("too_long")
    return "\n\n".join(text for text in pages if text)


def _opens(reader: PdfReader) -> bool:
    """Whether it can be read without a password: some forbid no more than printing."""
    try:
        return bool(reader.decrypt(""))
    except Exception:  # a cipher that nobody knows
        return False
