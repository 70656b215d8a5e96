"""A storage for `limits` over the server's own database: rows in `rate_limits`, one atomic upsert a hit.

The statement decides and counts at once, so that no number of threads, processes or replicas passes a limit.
Windows are counted by the clocks of the processes; replicas are expected to keep theirs together (NTP).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Protocol, TypeVar

from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport, TimestampedSlidingWindow
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from api.db import execute
from api.domain.errors import StoreUnavailable
from api.rate_limits.window import Bucket, Count

T = TypeVar("T")
Values = dict[str, Any]
LONGEST_KEY: Final = 200  # the column takes 255, and the number of the window follows
UNCOUNTED: Final = "Requests cannot be counted at the moment; nothing was changed, try again in a moment."

_WEIGHT = "p.hits * CAST(:left AS DOUBLE PRECISION) / :window"
_FADED = "COALESCE((SELECT {floor} FROM rate_limits p WHERE p.key = :before), 0)"
_HIT = f"""
INSERT INTO rate_limits AS c (key, hits, expires_at)
SELECT :key, :amount, :expires_at WHERE {_FADED} + :amount <= :limit
ON CONFLICT (key) DO UPDATE SET hits = c.hits + excluded.hits WHERE c.hits + {_FADED} + :amount <= :limit
RETURNING hits, COALESCE((SELECT p.hits FROM rate_limits p WHERE p.key = :before), 0)
"""  # noqa: S608  (constants of this module)
_LAZY_HIT = f"{_HIT}\n"
_ADD = """
INSERT INTO rate_limits AS c (key, hits, expires_at) VALUES (:key, :amount, :expires_at)
ON CONFLICT (key) DO UPDATE SET hits = c.hits + excluded.hits
"""
_FIXED = """
INSERT INTO rate_limits AS c (key, hits, expires_at) VALUES (:key, :amount, :expires_at)
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN c.expires_at <= :now THEN excluded.hits ELSE c.hits + excluded.hits END,
    expires_at = CASE WHEN c.expires_at <= :now THEN excluded.expires_at ELSE c.expires_at END
RETURNING hits
"""
_GET = "SELECT hits, expires_at FROM rate_limits WHERE key = :key AND expires_at > :now"
_CLEAR = "DELETE FROM rate_limits WHERE key = :key"
_RESET = "DELETE FROM rate_limits"
_PURGE = "DELETE FROM rate_limits WHERE expires_at <= :now"


class Run(Protocol):
    """Runs a function over a connection, in a unit of work of its own, and returns its result."""

    def __call__(self, fn: Callable[[Connection], T], /) -> T: ...


class Refused(Exception):
    """A bucket is full. Raised inside the unit of work, so that what was counted before is undone with it."""

    def __init__(self, full: Bucket, counts: tuple[Count, ...]) -> None:
        super().__init__(full.key)
        self.full = full
        self.counts = counts


class DatabaseStorage(Storage, SlidingWindowCounterSupport, TimestampedSlidingWindow):
    """`parley://` for limits and flask-limiter. `write` and `read` come as storage options; see `Run`."""

    STORAGE_SCHEME: ClassVar[list[str]] = ["parley"]  # type: ignore[misc]

    def __init__(
        self,
        uri: str | None = None,
        wrap_exceptions: bool = False,
        *,
        write: Run,
        read: Run,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self.write = write
        self.read = read
        self.clock = clock

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return (SQLAlchemyError, StoreUnavailable)

    def acquire(self, buckets: Sequence[Bucket], amount: int = 1) -> tuple[Count, ...]:
        """Count `amount` hits in every bucket, in one unit of work. Raises Refused, and then nothing is
        counted, or StoreUnavailable. Callers that share buckets name them in the same order."""
        now = self.clock()
        hits = [self._parameters(bucket, now, amount) for bucket in buckets]
        try:
            return self.write(lambda connection: _count(connection, buckets, hits, _LAZY_HIT))
        except SQLAlchemyError as error:
            raise StoreUnavailable(UNCOUNTED, retry_after=2) from error

    def acquire_within(self, connection: Connection, hits: Sequence[tuple[Bucket, int]]) -> tuple[Count, ...]:
        """Count so many hits in each bucket as part of a transaction that is open, which keeps or undoes them.
        Raises Refused."""
        now = self.clock()
        buckets = [bucket for bucket, _ in hits]
        return _count(connection, buckets, [self._parameters(bucket, now, amount) for bucket, amount in hits], _HIT)

    def add_within(self, connection: Connection, amounts: Sequence[tuple[Bucket, int]]) -> None:
        """Count what has happened already, whatever the limit, as part of a transaction that is open."""
        now = self.clock()
        for bucket, amount in amounts:
            _execute(connection, _ADD, self._parameters(bucket, now, amount))

    def look(self, buckets: Sequence[Bucket]) -> tuple[Count, ...]:
        """Where the buckets stand, without a hit."""
        now = self.clock()
        places = [self._parameters(bucket, now, 0) for bucket in buckets]
        return self.read(lambda connection: _look(connection, buckets, places))

    def purge(self) -> int:
        """Remove the rows that count no more; how many there were."""
        return self._delete(_PURGE, now=self.clock())

    def _parameters(self, bucket: Bucket, now: float, amount: int) -> Values:
        left = (1 - (now / bucket.window) % 1) * bucket.window
        before, key = self.sliding_window_keys(_short(bucket.key), bucket.window, now)
        return {
            "key": key,
            "before": before,
            "amount": amount,
            "limit": bucket.limit,
            "window": bucket.window,
            "left": left,
            "expires_at": now + left + bucket.window,
        }

    # What `limits` asks of a storage

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        try:
            self.acquire([Bucket(key, limit, expiry)], amount)
        except Refused:
            return False
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        (count,) = self.look([Bucket(key, 0, expiry)])
        return count.previous, count.left if count.previous else 0.0, count.hits, count.left + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        for part in self.sliding_window_keys(_short(key), expiry, self.clock()):
            self._delete(_CLEAR, key=part)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self.clock()
        values = {"key": _short(key), "amount": amount, "now": now, "expires_at": now + expiry}
        return self.write(lambda connection: int(_execute(connection, _FIXED, values).fetchone()[0]))

    def get(self, key: str) -> int:
        return self._fixed(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._fixed(key)[1]

    def clear(self, key: str) -> None:
        self._delete(_CLEAR, key=_short(key))

    def reset(self) -> int | None:
        return self._delete(_RESET)

    def check(self) -> bool:
        try:
            self._fixed("check")
        except self.base_exceptions:
            return False
        return True

    def _fixed(self, key: str) -> tuple[int, float]:
        now = self.clock()
        values = {"key": _short(key), "now": now}
        row = self.read(lambda connection: _execute(connection, _GET, values).fetchone())
        return (row[0], row[1]) if row is not None else (0, now)

    def _delete(self, statement: str, **values: Any) -> int:
        return self.write(lambda connection: int(_execute(connection, statement, values).rowcount))


def _count(connection: Connection, buckets: Sequence[Bucket], hits: list[Values], statement: str) -> tuple[Count, ...]:
    counts: list[Count] = []
    for bucket, values in zip(buckets, hits, strict=True):
        found = _execute(connection, statement, values).fetchall()
        row = found[0] if found else None
        if row is None:
            own = [taken["amount"] for taken in hits[: len(counts)]]
            raise Refused(bucket, _look(connection, buckets, hits, own))
        counts.append(Count(bucket, row[1], row[0], values["left"]))
    return tuple(counts)


def _look(
    connection: Connection, buckets: Sequence[Bucket], places: list[Values], own: Sequence[int] = ()
) -> tuple[Count, ...]:
    """All counts by one SELECT, without the hits `own` that this unit of work is about to undo."""
    names = {f"k{i}": places[i // 2]["before" if i % 2 else "key"] for i in range(2 * len(places))}
    listed = ", ".join(f":{name}" for name in names)
    statement = f"SELECT key, hits FROM rate_limits WHERE key IN ({listed})"  # noqa: S608  (names made above)
    found: dict[str, int] = {row[0]: row[1] for row in _execute(connection, statement, names).fetchall()}
    return tuple(
        Count(
            bucket,
            found.get(place["before"], 0),
            found.get(place["key"], 0) - (own[i] if i < len(own) else 0),
            place["left"],
        )
        for i, (bucket, place) in enumerate(zip(buckets, places, strict=True))
    )


def _execute(connection: Connection, statement: str, values: Values) -> Any:
    """Bound text in the driver's own form, made once."""
    dialect = connection.dialect.name
    native = _native.get((dialect, statement)) or _compile(dialect, statement)
    return execute(connection, native, values)


_native: dict[tuple[str, str], str] = {}


def _compile(dialect: str, statement: str) -> str:
    if dialect == "postgresql":
        native = statement.replace("{floor}", f"CAST(FLOOR({_WEIGHT}) AS INTEGER)")
        native = re.sub(r":(\w+)", r"%(\1)s", native)
        if statement is _LAZY_HIT:  # a counter alone need not wait for the disk; sent along, so without a round trip
            native = f"SET LOCAL synchronous_commit TO off; {native}"
    else:  # SQLite's cast cuts, and its FLOOR is not in every build
        native = statement.replace("{floor}", f"CAST({_WEIGHT} AS INTEGER)")
    _native[dialect, statement] = native
    return native


def _short(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
