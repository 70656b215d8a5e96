"""The arithmetic of a sliding window counter: the window before fades out as the present one goes on."""

from __future__ import annotations

import math
from typing import NamedTuple


class Bucket(NamedTuple):
    """What is counted: at most `limit` hits in any `window` seconds under `key`."""

    key: str
    limit: int
    window: int


class Count(NamedTuple):
    """Where a bucket stands. `left` is the rest of the present window, in seconds."""

    bucket: Bucket
    previous: int
    hits: int
    left: float

    @property
    def used(self) -> int:
        """Hits of the present window, and what still weighs of those before."""
        return self.hits + math.floor(self.previous * self.left / self.bucket.window)

    @property
    def remaining(self) -> int:
        return max(0, self.bucket.limit - self.used)

    def seconds_until(self, amount: int = 1) -> float:
        """When `amount` more hits fit, if nobody hits in between; 0 when they fit now. None ever fit: the longest."""
        if amount > self.bucket.limit:
            return self.left + self.bucket.window
        if self.used + amount <= self.bucket.limit:
            return 0.0
        free = self.bucket.limit - amount + 1  # the weight has to fall below this
        if self.hits < free:
            return self.left - (free - self.hits) * self.bucket.window / self.previous
        return self.left + self.bucket.window - free * self.bucket.window / self.hits
