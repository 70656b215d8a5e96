"""The loop's thread: what goes in, what it holds on to, how it ends."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.streams.loop import LoopThread

ROOT = Path(__file__).resolve().parents[2]
REQUEST: contextvars.ContextVar[object] = contextvars.ContextVar("request")


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    loop = LoopThread()
    loop.start()
    yield loop
    loop.stop()


class Outcome:
    """What became of a task."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.told = threading.Event()

    def failed(self, error: BaseException) -> None:
        self.errors.append(error)
        self.told.set()


def test_a_task_begins_with_an_empty_context_and_holds_nothing_of_its_request(loop: LoopThread) -> None:
    class Request:
        """Stands for the objects of a request, five megabytes in size."""

    seen: list[int] = []
    running, release = threading.Event(), asyncio.Event()

    async def work(value: str) -> None:
        seen.append(len(contextvars.copy_context()))
        running.set()
        await release.wait()

    def request() -> weakref.ref[Request]:
        here = Request()
        REQUEST.set(here)
        loop.spawn(work, "plain", failed=Outcome().failed)
        return weakref.ref(here)

    held = contextvars.Context().run(request)
    assert running.wait(20)
    gc.collect()
    assert held() is None
    assert seen == [0]
    loop.call(release.set)


def test_a_task_is_kept_by_the_loop_alone(loop: LoopThread) -> None:
    """asyncio itself holds its tasks weakly."""
    done = threading.Event()

    async def work() -> None:
        await asyncio.get_running_loop().create_future()

    outcome = Outcome()
    loop.spawn(work, failed=outcome.failed)
    loop.call(done.set)
    assert done.wait(20)
    gc.collect()
    assert len(loop.tasks) == 1
    assert not outcome.errors


@pytest.mark.parametrize("error", [ValueError("a fault"), asyncio.CancelledError()], ids=repr)
def test_whatever_is_raised_is_told(loop: LoopThread, error: BaseException) -> None:
    async def work() -> None:
        raise error

    outcome = Outcome()
    loop.spawn(work, failed=outcome.failed)
    assert outcome.told.wait(20)
    assert [type(one) for one in outcome.errors] == [type(error)]
    assert not loop.tasks


def test_stopping_cancels_what_still_runs() -> None:
    loop = LoopThread()
    loop.start()
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(3600)

    outcome = Outcome()
    loop.spawn(work, failed=outcome.failed)
    assert begun.wait(20)
    loop.stop()
    loop.stop()
    assert [type(error) for error in outcome.errors] == [asyncio.CancelledError]
    assert not loop.running


def test_jobs_aside_may_block_and_fail_without_harm(loop: LoopThread, capfd: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    block, over = threading.Event(), threading.Event()
    loop.aside(block.wait, 20)  # type: ignore[arg-type]
    loop.aside(lambda: 1 / 0)
    loop.aside(done.append, "after")
    loop.aside(over.set)
    tick = loop.last_tick
    while loop.last_tick == tick:
        time.sleep(0.01)
    assert not done
    block.set()
    assert over.wait(20)
    assert done == ["after"]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_the_age_shows_a_loop_that_hangs(loop: LoopThread) -> None:
    hang, hangs = threading.Event(), threading.Event()

    def block() -> None:
        hangs.set()
        hang.wait(30)

    loop.call(block)
    assert hangs.wait(20)
    time.sleep(0.7)
    assert loop.age() > 0.6
    hang.set()


@pytest.mark.parametrize("death", ["loop.call(loop.loop.stop)", "loop.call(sys.exit, 3)"])
def test_a_loop_that_dies_takes_the_process_with_it(death: str) -> None:
    program = (
        "import sys, time\nfrom api.streams.loop import LoopThread\n"
        f"loop = LoopThread(); loop.start(); {death}\ntime.sleep(60)"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert ended.returncode == 70
    assert "event loop has ended" in ended.stderr
