"""The process's one event loop, in its own thread. Every open stream lives here; `spawn` is the only way in.

Nothing that blocks or grows with the input may run here: no disk, no database, no name look-ups, no log writes.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

TICK = 0.25


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LoopThread:
    """Starts once, after the fork. If it dies, the process exits: a server without its loop answers nobody."""

    def __init__(self) -> None:
        self.last_tick = time.monotonic()
        self.tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
        self._aside: queue.SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._aside_thread = threading.Thread(target=self._run_aside, name="streams-aside", daemon=True)
        self._stopping = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the event loop is not running; start the runtime first")
        return self._loop

    @property
    def running(self) -> bool:
        return self._loop is not None and self._thread.is_alive()

    def start(self) -> None:
        if self._loop is None:
            self._loop = _new_loop()
            self._thread.start()
            self._aside_thread.start()

    def stop(self) -> None:
        """End the loop; tasks that still run are cancelled first."""
        if self._loop is None or self._stopping:
            return
        self._stopping = True
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._aside.put(None)
        self._aside_thread.join(10)
        self._loop.close()

    def age(self) -> float:
        """Seconds since the loop last showed that it runs."""
        return time.monotonic() - self.last_tick

    def call(self, fn: Callable[..., object], *args: Any) -> None:
        """Run a quick `fn(*args)` in the loop, from any thread, without the caller's context."""
        self.loop.call_soon_threadsafe(fn, *args, context=contextvars.Context())

    def spawn(
        self,
        coroutine: Callable[..., Coroutine[Any, Any, None]],
        *args: Any,
        failed: Callable[[BaseException], None],
    ) -> None:
        """Run `coroutine(*args)` as a task with an empty context and a strong reference; safe from any thread.

        `args` are plain values. Whatever the coroutine raises, cancelling included, goes to `failed`, in the loop.
        """
        self.call(self._start_task, coroutine, args, failed)

    def _start_task(
        self,
        coroutine: Callable[..., Coroutine[Any, Any, None]],
        args: tuple[Any, ...],
        failed: Callable[[BaseException], None],
    ) -> None:
        task = self.loop.create_task(coroutine(*args), context=contextvars.Context())
        self.tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            error: BaseException | None = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is not None:
                failed(error)

        task.add_done_callback(done)

    def wait_for(self, coroutine: Coroutine[Any, Any, Any], seconds: float = 10.0) -> Any:
        """Run a coroutine in the loop and wait for its result; for start-up and shut-down only."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def aside(self, fn: Callable[..., None], *args: Any) -> None:
        """Run `fn(*args)`, which may block (a log line), in a thread beside the loop, in order."""
        self._aside.put((fn, args))

    def _run_aside(self) -> None:
        while (job := self._aside.get()) is not None:
            fn, args = job
            try:
                fn(*args)
            except Exception:
                traceback.print_exc(file=sys.stderr)

    async def _cancel_all(self) -> None:
        tasks = tuple(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tick(self) -> None:
        self.last_tick = time.monotonic()
        self.loop.call_later(TICK, self._tick)

    def _run(self) -> None:
        loop = self.loop
        asyncio.set_event_loop(loop)
        self._tick()
        try:
            loop.run_forever()
        finally:
            if not self._stopping:
                sys.stderr.write("the event loop has ended; the process exits so that it is started anew\n")
                sys.stderr.flush()
                os._exit(70)
