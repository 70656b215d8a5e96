"""Follows a running reply from its start, over cut lines, and hands the text on in batches.

A reader thread blocks on the socket; the generator the caller iterates wakes at least every `BEAT` seconds even
when nothing arrives, so that whoever draws can notice a click while a provider is silent.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from ui.api_client.errors import ApiError, from_problem, unreachable
from ui.api_client.sse import EventParser, ServerEvent

BEAT = 0.2
BATCH = 0.08  # seconds between two batches of text
LONG_TEXT = 8_000  # beyond this many characters batches come slower: each one draws the whole text again
PATIENCE = 60.0  # how long a cut line is tried again before giving up

Opener = Callable[[int], requests.Response]


@dataclass(frozen=True)
class End:
    """How the reply ended: a status of the API, and the problem when that is `error`."""

    status: str
    error: ApiError | None = None


@dataclass(frozen=True)
class Batch:
    """What arrived since the last batch. `cut` says that the line is down and being tried again."""

    text: str = ""
    reasoning: str = ""
    cut: bool = False
    end: End | None = None


@dataclass
class _Follower:
    open: Opener
    last: int = 0
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    length: int = 0
    sent_at: float = 0.0

    def batches(self) -> Iterator[Batch]:
        tries, down_since = 0, 0.0
        while True:
            before = self.last
            try:
                with _Line(self.open(self.last)) as line:
                    end = yield from self._read(line)
                if end is not None:
                    yield self._take(end)
                    return
                error = unreachable("The connection was cut.")
            except ApiError as problem:
                if not problem.away:
                    raise
                error = problem
            if self.last > before:
                tries, down_since = 0, 0.0
            down_since = down_since or time.monotonic()
            tries += 1
            if time.monotonic() - down_since > PATIENCE:
                raise error
            yield from self._wait(max(error.retry_after or 0.0, min(2.0, 0.1 * 2**tries)), tries)

    def _read(self, line: _Line) -> Generator[Batch, None, End | None]:
        """Yields batches until the stream's end (returned) or its cut (None)."""
        while True:
            due = self._due()
            event = line.next(min(BEAT, due) if self._pending else BEAT)
            if event is not None and not isinstance(event, ServerEvent):
                return None
            end = self._note(event) if event is not None else None
            if end is not None:
                return end
            if self._pending and self._due() <= 0:
                yield self._take()
            elif event is None:
                yield Batch()

    def _wait(self, seconds: float, tries: int) -> Iterator[Batch]:
        until = time.monotonic() + seconds
        if self._pending:
            yield self._take()
        while time.monotonic() < until:
            yield Batch(cut=tries > 1)
            time.sleep(min(BEAT, max(0.0, until - time.monotonic())))

    def _note(self, event: ServerEvent) -> End | None:
        if event.id is not None:
            if event.id <= self.last:
                return None
            self.last = event.id
        data: dict[str, Any] = event.data
        if event.name == "delta":
            self.text.append(str(data.get("text", "")))
        elif event.name == "reasoning":
            self.reasoning.append(str(data.get("text", "")))
        elif event.name == "finished":
            return End(str(data.get("status") or "complete"))
        elif event.name == "error":
            problem = data.get("problem", data)
            status = problem.get("status") if isinstance(problem, dict) else None
            return End("error", from_problem(status if isinstance(status, int) else 502, problem, {}))
        return None

    @property
    def _pending(self) -> bool:
        return bool(self.text or self.reasoning)

    def _due(self) -> float:
        """Seconds until the next batch may go out; the first text goes at once."""
        interval = BATCH * min(6.0, max(1.0, self.length / LONG_TEXT))
        return max(0.0, self.sent_at + interval - time.monotonic())

    def _take(self, end: End | None = None) -> Batch:
        batch = Batch("".join(self.text), "".join(self.reasoning), end=end)
        self.length += len(batch.text)
        self.text, self.reasoning, self.sent_at = [], [], time.monotonic()
        return batch


class _Line:
    """One open response, read by a thread of its own. `next` gives an event, None for silence, False at its end."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self._events: queue.SimpleQueue[ServerEvent | bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._pump, name="follow", daemon=True)

    def __enter__(self) -> _Line:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError, RuntimeError, OSError):
            self._response.raw.shutdown()  # wakes the thread out of its read
        self._thread.join(2.0)
        self._response.close()

    def next(self, seconds: float) -> ServerEvent | bool | None:
        try:
            return self._events.get(timeout=max(0.001, seconds))
        except queue.Empty:
            return None

    def _pump(self) -> None:
        parser = EventParser()
        try:
            while chunk := self._response.raw.read1(65536):
                for event in parser.feed(chunk):
                    self._events.put(event)
        except (HTTPError, OSError, ValueError, AttributeError):
            pass  # a cut line; the follower joins again
        finally:
            self._events.put(False)


def follow(open_line: Opener) -> Iterator[Batch]:
    """Batches until the one with an `end`. Raises ApiError when the reply cannot be had (any more)."""
    return _Follower(open_line).batches()
