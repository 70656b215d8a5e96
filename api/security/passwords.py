"""Passwords: argon2id, at most four at a time, and one verification however a sign-in fails."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from api.domain.errors import Overloaded

TIME_COST, MEMORY_KIB, PARALLELISM = 2, 19_456, 1  # OWASP's second choice: 27 ms and 19 MiB
AT_ONCE = 4
MAX_WAIT = 10.0  # seconds in the queue before 503
UNUSABLE = "!"  # the hash of an account that nobody can sign in to

# With the cost of a real one and a digest of zeros, which no known password has.
DUMMY = f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={PARALLELISM}${'A' * 22}${'A' * 43}"


class Passwords:
    """One a process: the semaphore bounds memory and CPU, so that guesses cannot starve everything else."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(TIME_COST, MEMORY_KIB, PARALLELISM, type=Type.ID)
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        """Raises Overloaded."""
        with self._slot():
            return self._hasher.hash(password)

    def verify_or_dummy(self, stored: str | None, password: str) -> bool:
        """Whether `password` has this hash. Without a usable hash the same work is done, for False."""
        usable = stored is not None and stored != UNUSABLE
        with self._slot():
            matches = self._verify(stored if stored is not None and usable else DUMMY, password)
        return matches and usable

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password.encode("utf-8", "replace"))
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=MAX_WAIT):
            raise Overloaded("Too many sign-ins at once; try again in a few seconds.", retry_after=5)
        try:
            yield
        finally:
            self._slots.release()
