"""The child that reads one document: `main` limits itself, reads stdin, writes a word and, after `ok`, the text.

It is started with an empty environment and no file open but these, so that a document that found a fault in a library
finds nothing else. What it may not do ends it: the parent knows what that means.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from typing import BinaryIO

from api.extraction.reasons import Unreadable

FILES = 64


def main() -> None:
    """Arguments: the kind, the most characters, the most bytes of memory, the most seconds of CPU."""
    kind, most, memory, seconds = sys.argv[1], *(int(word) for word in sys.argv[2:5])
    text_of = _reader(kind)  # a library's own memory is not the document's fault
    _limit(memory, seconds)
    try:
        word, text = "ok", _checked(text_of(sys.stdin.buffer, most), most)
    except Unreadable as refusal:
        word, text = refusal.reason, ""
    except MemoryError:
        word, text = "too_heavy", ""
    except Exception:  # a hostile file may raise anything of a library
        word, text = "damaged", ""
    sys.stdout.buffer.write(word.encode() + b"\n" + text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def _limit(memory: int, seconds: int) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_CPU: seconds,
    }
    if sys.platform != "darwin":  # where it cannot be set
        limits[resource.RLIMIT_AS] = memory
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))


def _reader(kind: str) -> Callable[[BinaryIO, int], str]:
    if kind == "pdf":
        from api.extraction import pdf

        return pdf.text_of
    from api.extraction import docx

    return docx.text_of


def _checked(text: str, most: int) -> str:
    if not text.strip():
        raise Unreadable("no_text")
    if len(text) > most:
        raise Unreadable("too_long")
    return text.replace("\0", "\ufffd")
