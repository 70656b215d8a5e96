"""The child that reads one file: `main` limits itself, reads stdin, writes a word and, after `ok`, what was read.

It is started with an empty environment and no file open but these, so that a document that found a fault in a library
finds nothing else. What it may not do ends it: the parent knows what that means.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from api.extraction.reasons import Unreadable

FILES = 64


def main() -> None:
    """Arguments: the kind, the most characters (of an avatar, bytes), bytes of memory, seconds of CPU."""
    kind, most, memory, seconds = sys.argv[1], *(int(word) for word in sys.argv[2:5])
    read = _reader(kind)  # a library's own memory is not the document's fault
    _limit(memory, seconds)
    try:
        word, found = "ok", read(sys.stdin.buffer, most)
    except Unreadable as refusal:
        word, found = refusal.reason, b""
    except MemoryError:
        word, found = "too_heavy", b""
    except Exception:  # a hostile file may raise anything of a library
        word, found = "damaged", b""
    sys.stdout.buffer.write(word.encode() + b"\n" + found)
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


def _reader(kind: str) -> Callable[[BinaryIO, int], bytes]:
    if kind == "avatar":
        from api.extraction import avatars

        return avatars.avatar_of
    if kind == "pdf":
        from api.extraction import pdf

        return partial(_text, pdf.text_of)
    from api.extraction import docx

    return partial(_text, docx.text_of)


def _text(text_of: Callable[[BinaryIO, int], str], file: BinaryIO, most: int) -> bytes:
    text = text_of(file, most)
    if not text.strip():
        raise Unreadable("no_text")
    if len(text) > most:
        raise Unreadable("too_long")
    return text.replace("\0", "\ufffd").encode("utf-8", "replace")
