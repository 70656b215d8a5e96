"""The load generator: sends one cell's load to one target and says what came back.

`python -m bench.load` reads an Order as JSON from standard input and prints a Report as JSON. The targets
speak either OpenAI's form (`data:` chunks up to `[DONE]`) or Parley's own (numbered events up to `finished`);
both also answer unstreamed.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import uvloop

from bench.http_client import Answer, BadAnswer, Connection
from bench.workload import MARK, PROMPT, Cell, answer

FULL_CHECK = 16
"""One reply in so many is decoded and compared letter by letter; of all others the tokens are counted."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sends: the API key of an account, and a chat of its own (it stands for `{chat}` in the path)."""

    chat: str
    key: str


@dataclass(frozen=True, slots=True)
class Order:
    """What to do. `seats` are used in turn; none means a target that asks for no key."""

    form: Literal["openai", "native"]
    port: int
    path: str
    model: str
    cell: Cell
    seats: list[Seat] = field(default_factory=list)
    timeout: float = 60.0
    run: str = "run"


@dataclass(slots=True)
class Report:
    """`first_ms`: of good replies, milliseconds to the first token, or to the whole answer if unstreamed."""

    started: int = 0
    complete: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    first_ms: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)


class Target:
    """Makes the requests of an order and judges the answers."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._cell = order.cell
        self._sent = 0
        self._checked = 0
        self._text = answer(order.cell.tokens)
        if order.form == "openai":
            question: dict[str, Any] = {
                "model": order.model,
                "messages": [{"role": "user", "content": PROMPT}],
            }
            if order.cell.streamed:
                question |= {"stream": True, "stream_options": {"include_usage": True}}
        else:
            question = {"content": PROMPT, "model": order.model}
        self._body = json.dumps(question).encode()

    def request(self) -> bytes:
        """The next request's bytes, with its own chat and Idempotency-Key where they belong."""
        order, number = self._order, self._sent
        self._sent += 1
        path, extra = order.path, ""
        if order.seats:
            seat = order.seats[number % len(order.seats)]
            path = path.replace("{chat}", seat.chat)
            extra = f"Authorization: Bearer {seat.key}\r\n"
        if order.form == "native":
            extra += f"Idempotency-Key: {order.run}-{number}\r\n"
            extra += "Accept: text/event-stream\r\n" if self._cell.streamed else ""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nContent-Type: application/json\r\n"
            f"{extra}Content-Length: {len(self._body)}\r\n\r\n"
        )
        return head.encode() + self._body

    def fault(self, reply: Answer) -> str:
        """Why this reply does not count; empty if every token and the end event are there."""
        body = reply.body
        if reply.status not in (200, 201):
            return f"{reply.status} {body[:200].decode(errors='replace')}"
        if self._cell.streamed:
            end = b"data: [DONE]" if self._order.form == "openai" else b"event: finished"
            at = body.find(end)
            if at < 0:
                return f"no end event, last bytes {body[-120:].decode(errors='replace')}"
            body = body[:at]
        count = body.count(MARK.encode())
        if count != self._cell.tokens:
            return f"{count} of {self._cell.tokens} tokens"
        self._checked += 1
        if self._checked % FULL_CHECK == 1 and self._read(body) != self._text:
            return "another text than the provider sent"
        return ""

    def _read(self, body: bytes) -> str:
        if not self._cell.streamed:
            return self._text if json.dumps(self._text).encode() in body else ""
        values = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
        if self._order.form == "native":
            return "".join(value.get("text", "") for value in values)
        deltas = [choice["delta"] for value in values for choice in value["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)


class Generator:
    """Runs one order."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._target = Target(order)
        self._report = Report()
        self._failures: Counter[str] = Counter()
        self._clock: Callable[[], float] = time.perf_counter

    async def run(self) -> Report:
        cell = self._order.cell
        began = self._clock()
        if cell.interval_ms:
            await asyncio.gather(*(self._once(i * cell.seconds / cell.streams) for i in range(cell.streams)))
        else:
            until = began + cell.seconds
            await asyncio.gather(*(self._again(until) for _ in range(cell.streams)))
        self._report.wall = self._clock() - began
        self._report.cpu = time.process_time()
        self._report.failures = dict(self._failures.most_common(5))
        return self._report

    async def _once(self, delay: float) -> None:
        await asyncio.sleep(delay)
        connection = await self._reply(None)
        if connection is not None:
            connection.close()

    async def _again(self, until: float) -> None:
        connection: Connection | None = None
        while self._clock() < until:
            connection = await self._reply(connection)
        if connection is not None:
            connection.close()

    async def _reply(self, connection: Connection | None) -> Connection | None:
        """One request; returns the connection if it may be used again. Connecting counts as waiting."""
        self._report.started += 1
        request = self._target.request()
        began = self._clock()
        try:
            async with asyncio.timeout(self._order.timeout):
                if connection is None or not connection.reusable:
                    connection = await self._connect()
                reply = await connection.ask(request)
        except (TimeoutError, OSError, BadAnswer) as error:
            self._failures[str(error) or type(error).__name__] += 1
            if connection is not None:
                connection.close()
            return None
        fault = self._target.fault(reply)
        if fault:
            self._failures[fault] += 1
        else:
            self._report.complete += 1
            seen = reply.first_token if self._order.cell.streamed else reply.ended
            self._report.first_ms.append(round((seen - began) * 1000, 2))
        return connection if connection.reusable else None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self._clock), "127.0.0.1", self._order.port)
        return connection


def execute(order: Order) -> Report:
    return uvloop.run(Generator(order).run())


def main() -> None:
    values: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    order = msgspec.convert(values, Order)
    gc.freeze()
    report = execute(order)
    with open(sys.stdout.fileno(), "wb", closefd=False) as out:  # buffered, whatever PYTHONUNBUFFERED says
        out.write(msgspec.json.encode(report))


if __name__ == "__main__":
    main()
