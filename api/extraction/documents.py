"""Documents read in children of their own, a few at a time: limited in memory, CPU and time, and killed beyond."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from api.domain.errors import Overloaded
from api.extraction.kinds import refused
from api.extraction.reasons import WORDS

ROOT: Final = Path(__file__).resolve().parents[2]
BOOT: Final = "import sys; sys.path.insert(0, sys.argv.pop(1)); from api.extraction.child import main; main()"
WORD_BYTES: Final = 32  # the longest first line
BUSY: Final = "Enough documents are being read at the moment; try again in a few seconds."


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
        if not self._free.acquire(timeout=self._limits.wall):
            raise Overloaded(BUSY, retry_after=5)
        try:
            said = self._asked(kind, file, most)
        finally:
            self._free.release()
        word, _, text = said.partition(b"\n")
        reason = word.decode("ascii", "replace")
        if reason != "ok":
            raise refused(reason if reason in WORDS else "too_heavy")  # no word: it was ended
        return text.decode()

    def _asked(self, kind: str, file: BinaryIO, most: int) -> bytes:
        """What the child says; what it had not finished is nothing."""
        longest = WORD_BYTES + 4 * most
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
                return said if child.wait() == 0 else b""
            finally:
                timer.cancel()
                child.kill()
