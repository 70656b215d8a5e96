"""Documents and avatars read in children of their own, a few at a time: limited in memory, CPU and time, and killed
beyond."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from api.domain.errors import Overloaded
from api.extraction.kinds import refused
from api.extraction.reasons import WORDS

ROOT: Final = Path(__file__).resolve().parents[2]
BOOT: Final = "import sys; sys.path.insert(0, sys.argv.pop(1)); from api.extraction.child import main; main()"
WORD_BYTES: Final = 32  # the longest first line
AVATAR_BYTES: Final = 1024 * 1024  # twice what noise takes
PICTURE_WORDS: Final = {
    "damaged": "The picture is damaged and cannot be drawn. Open it, save it anew and send that.",
    "too_heavy": "Drawing the picture took more time or memory than it may take. Send one with fewer pixels.",
}
BUSY: Final = "Enough files are being read at the moment; try again in a few seconds."
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one child: bytes of memory, seconds of CPU, seconds in all."""

    memory: int = 512 * 1024 * 1024
    cpu: int = 20
    wall: float = 45.0


class DocumentReader:
    def __init__(self, at_once: int = 2, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._free = threading.Semaphore(at_once)

    def text(self, kind: str, file: BinaryIO, most: int) -> str:
        """What a `pdf` or `docx` says, at most so many characters. Raises FileRefused, Overloaded."""
        return self._read(kind, file, most, 4 * most, WORDS).decode()

    def avatar(self, file: BinaryIO) -> bytes:
        """A picture drawn anew, as WebP. Raises FileRefused, Overloaded."""
        return self._read("avatar", file, AVATAR_BYTES, AVATAR_BYTES, PICTURE_WORDS)

    def _read(self, kind: str, file: BinaryIO, most: int, longest: int, words: Mapping[str, str]) -> bytes:
        if not self._free.acquire(timeout=self._limits.wall):
            raise Overloaded(BUSY, retry_after=5)
        try:
            said = self._asked(kind, file, most, WORD_BYTES + longest)
        finally:
            self._free.release()
        word, _, found = said.partition(b"\n")
        reason = word.decode("ascii", "replace")
        if reason != "ok":
            reason = reason if reason in words else "too_heavy"  # no word: it was ended
            raise refused(reason, words[reason])
        return found

    def _asked(self, kind: str, file: BinaryIO, most: int, longest: int) -> bytes:
        """What the child says; what it had not finished is nothing."""
        limits = (str(most), str(self._limits.memory), str(self._limits.cpu))
        with subprocess.Popen(  # noqa: S603 - nothing of the file is among the words
            [sys.executable, "-I", "-c", BOOT, str(ROOT), kind, *limits],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
        ) as child:
            timer = threading.Timer(self._limits.wall, child.kill)
            timer.start()
            try:
                assert child.stdout is not None
                said = child.stdout.read(longest + 1)
                if len(said) > longest:
                    child.kill()
                if (status := child.wait()) != 0:
                    log.warning("a child that read a file ended early", kind=kind, status=status)
                    return b""
                return said
            finally:
                timer.cancel()
                child.kill()
