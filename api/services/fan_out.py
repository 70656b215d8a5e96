"""Blocking calls beside the request: many at once, and nobody's hanging ones in the way of another's."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")
THREADS = 96
SHARE = 12


class FanOut:
    """`share` is how many threads one owner may hold at a time; what is beyond waits for his own, not for others'."""

    def __init__(self, name: str, threads: int = THREADS, share: int = SHARE) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._share = share
        self._lock = threading.Lock()
        self._running: dict[Hashable, int] = defaultdict(int)
        self._waiting: dict[Hashable, deque[tuple[Future[Any], Callable[[], Any]]]] = defaultdict(deque)

    def submit(self, owner: Hashable, fn: Callable[[], Result]) -> Future[Result]:
        """Run `fn` as soon as the owner has a thread free."""
        future: Future[Result] = Future()
        with self._lock:
            self._waiting[owner].append((future, fn))
            self._start(owner)
        return future

    def close(self) -> None:
        """Nothing begins any more; what hangs is left to its own deadline."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, owner: Hashable) -> None:
        while self._waiting[owner] and self._running[owner] < self._share:
            future, fn = self._waiting[owner].popleft()
            self._running[owner] += 1
            self._pool.submit(self._run, owner, future, fn)

    def _run(self, owner: Hashable, future: Future[Any], fn: Callable[[], Any]) -> None:
        try:
            future.set_result(fn())
        except BaseException as error:
            future.set_exception(error)
        finally:
            with self._lock:
                self._running[owner] -= 1
                self._start(owner)
                if not self._running[owner] and not self._waiting[owner]:
                    del self._running[owner], self._waiting[owner]
