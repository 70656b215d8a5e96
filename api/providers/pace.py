"""How long a provider's connection rests after a read: not at all while the loop has time, longer the busier it is.

A token that arrives alone costs a read, a decoding, an event and a write; those that rested in the socket's buffer
meanwhile share them. Under load that is worth more than their few hundredths of a second, and it keeps the interpreter
free for requests that begin: a new reply is then not behind the tokens of all others. A first token never waits.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final, Protocol

LOOK_SECONDS: Final = 0.1
BUSY: Final = 0.12  # of one core, by the loop's thread: from here on reads are to be fewer
EASY: Final = 0.08
FULL: Final = 0.8  # of one core, by the whole process: its threads wait for each other
LATE_SECONDS: Final = 0.02  # by which a timer comes late where the machine has no time for the process
SHORTEST: Final = 0.02
LONGEST: Final = 0.06
LONGEST_WHEN_FULL: Final = 0.2
STEP: Final = 2
TOGETHER: Final = 0.004  # whose rest ends within this of another's ends with it


class Resting(Protocol):
    def wake(self) -> None:
        """Read again."""
        ...


class Pace:
    """One a loop, made and closed in it. `seconds` is the rest after a read; 0 for none."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._resting: deque[tuple[float, Resting]] = deque()
        self._waking: asyncio.TimerHandle | None = None
        self._thread, self._process, self._at = time.thread_time(), time.process_time(), time.monotonic()
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    def close(self) -> None:
        self._looking.cancel()
        self.seconds = 0.0
        self._wake(everyone=True)

    def rest(self, reader: Resting) -> None:
        """Wake `reader` when its rest is over."""
        self._resting.append((self._loop.time() + self.seconds, reader))
        if self._waking is None:
            self._waking = self._loop.call_later(self.seconds, self._wake)

    def _wake(self, everyone: bool = False) -> None:
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        resting, until = self._resting, self._loop.time() + TOGETHER
        while resting and (everyone or resting[0][0] <= until):
            resting.popleft()[1].wake()
        if resting:
            self._waking = self._loop.call_at(resting[0][0], self._wake)

    def _look(self) -> None:
        thread, process, at = time.thread_time(), time.process_time(), time.monotonic()
        passed = max(at - self._at, LOOK_SECONDS / 2)
        full = (process - self._process) / passed > FULL or passed > LOOK_SECONDS + LATE_SECONDS
        self.seconds = rest_after(self.seconds, (thread - self._thread) / passed, full)
        self._thread, self._process, self._at = thread, process, at
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)


def rest_after(seconds: float, share: float, full: bool) -> float:
    """The rest that follows one of `seconds`, by the share of a core that the loop used. `full`: no time is left."""
    if share > (EASY if full else BUSY):
        seconds = max(seconds * STEP, SHORTEST)
    elif share < EASY:
        seconds = seconds / STEP if seconds > SHORTEST else 0.0
    return min(seconds, LONGEST_WHEN_FULL if full else LONGEST)
