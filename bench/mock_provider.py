"""A provider that costs next to nothing, so that it is not what is measured. It speaks OpenAI's protocol whole, and
streams in Anthropic's, Gemini's and Ollama's.

`python -m bench.mock_provider --port 0` prints its port and serves until SIGTERM or SIGINT. The name of the
model picks the behaviour: `bench-200-20` streams 200 tokens, one every 20 ms; `bench-100-0` streams 100 as
fast as it can, ten a write. All bytes are made before they are asked for; one timer wheel drives all paces.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import uvloop

from bench.wire_events import CREATED, EVENTS, usage
from bench.workload import answer

BURST = 10
"""Tokens a write when there is no pace."""

_NAME = re.compile(r"bench-(\d{1,5})-(\d{1,4})\Z")
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]+)"')
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_IN_PATH = re.compile(rb"/models/([^/:]+):")
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Script:
    """One model's answers as bytes: the writes of a stream, milliseconds apart, and the whole JSON answer."""

    writes: tuple[bytes, ...]
    interval_ms: int
    whole: bytes


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _response(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _chunk(event: bytes) -> bytes:
    """One event as one HTTP chunk, the way real servers send them."""
    return b"%x\r\n%b\r\n" % (len(event), event)


@lru_cache(maxsize=64)
def script(model: str, wire: str = "openai") -> Script | None:
    """What `model` answers, or None if the name is not one of ours. Whole answers are OpenAI's only."""
    match = _NAME.match(model)
    if match is None or not int(match[1]) or int(match[2]) >= Wheel.SLOTS:
        return None
    count, interval = int(match[1]), int(match[2])
    chunks = [_chunk(event) for event in EVENTS[wire](model, count)]
    step = 1 if interval else BURST
    writes = [b"".join(chunks[i : min(i + step, count)]) for i in range(0, count, step)]
    writes[0] = _STREAM_HEAD + writes[0]
    writes[-1] += b"".join(chunks[count:]) + b"0\r\n\r\n"
    message = {"role": "assistant", "content": answer(count)}
    whole = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage(count),
    }
    return Script(tuple(writes), interval, _response("200 OK", _json(whole)))


def _error(message: str, code: str) -> bytes:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return _response("404 Not Found", _json({"error": error}))


def _model_list(*names: str) -> bytes:
    rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": "bench"} for name in names]
    return _response("200 OK", _json({"object": "list", "data": rows}))


_MODELS = _model_list("bench-100-0", "bench-200-20")
_UNKNOWN_MODEL = _error("The model does not exist", "model_not_found")
_UNKNOWN_PATH = _error("No such path", "not_found")


def _wire_of(path: bytes) -> str:
    """Which of the other protocols a path belongs to; empty for none."""
    if path.endswith(b"/v1/messages"):
        return "anthropic"
    if path.endswith(b"/api/chat"):
        return "ollama"
    return "google" if b":streamGenerateContent" in path else ""


class Wheel:
    """All paced streams in slots of one millisecond: one timer for all, none when nobody streams."""

    SLOTS = 4096

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: list[list[Stream]] = [[] for _ in range(self.SLOTS)]
        self._tick = 0
        self._riding = 0

    def add(self, stream: Stream, after_ms: int) -> None:
        now = int(self._loop.time() * 1000)
        if not self._riding:
            self._tick = now
            self._loop.call_later(0.001, self._turn)
        self._riding += 1
        self._slots[(now + after_ms) % self.SLOTS].append(stream)

    def _turn(self) -> None:
        """Serve every slot up to now; a stream's next slot counts from its last, so paces do not drift."""
        now = int(self._loop.time() * 1000)
        for tick in range(self._tick + 1, now + 1):
            index = tick % self.SLOTS
            due = self._slots[index]
            if due:
                self._slots[index] = []
                for stream in due:
                    if stream.step():
                        self._slots[(tick + stream.script.interval_ms) % self.SLOTS].append(stream)
                    else:
                        self._riding -= 1
        self._tick = now
        if self._riding:
            self._loop.call_later(0.001, self._turn)


class Stream:
    """One running answer."""

    __slots__ = ("_at", "_write", "gone", "script")

    def __init__(self, script: Script, write: Callable[[bytes], None]) -> None:
        self.script = script
        self.gone = False
        self._write = write
        self._at = 0

    def step(self) -> bool:
        """Send the next write; False after the last one, or when the reader has left."""
        if self.gone:
            return False
        self._write(self.script.writes[self._at])
        self._at += 1
        return self._at < len(self.script.writes)

    def burst(self, loop: asyncio.AbstractEventLoop) -> None:
        """One write a turn of the loop, so that they leave as segments and not as one."""
        if self.step():
            loop.call_soon(self.burst, loop)


class Connection(asyncio.Protocol):
    """One client: requests one after the other, kept alive."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wheel: Wheel) -> None:
        self._loop = loop
        self._wheel = wheel
        self._buffer = b""
        self._stream: Stream | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stream is not None:
            self._stream.gone = True

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        match = _LENGTH.search(data, 0, end)
        size = end + 4 + (int(match[1]) if match else 0)
        if len(data) < size:
            return
        self._buffer = data[size:]
        self._answer(data[: data.index(b"\r\n")].split(b" "), data[end + 4 : size])

    def _answer(self, line: list[bytes], body: bytes) -> None:
        if line[0] == b"GET" and line[1].endswith(b"/models"):
            self._transport.write(_MODELS)
        elif line[0] == b"POST" and line[1].endswith(b"/chat/completions"):
            self._complete(body)
        elif line[0] == b"POST" and (wire := _wire_of(line[1])):
            match = _IN_PATH.search(line[1]) or _MODEL.search(body)
            self._stream_as(script(match[1].decode(), wire) if match else None)
        else:
            self._transport.write(_UNKNOWN_PATH)

    def _complete(self, body: bytes) -> None:
        match = _MODEL.search(body)
        chosen = script(match[1].decode()) if match else None
        if chosen is None:
            self._transport.write(_UNKNOWN_MODEL)
        elif not _STREAM.search(body):
            self._transport.write(chosen.whole)
        else:
            self._stream_as(chosen)

    def _stream_as(self, chosen: Script | None) -> None:
        if chosen is None:
            self._transport.write(_UNKNOWN_MODEL)
        else:
            self._stream = Stream(chosen, self._transport.write)
            if chosen.interval_ms:
                self._wheel.add(self._stream, chosen.interval_ms)
            else:
                self._stream.burst(self._loop)


async def serve(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(lambda: Connection(loop, wheel), host, port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    await ended.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mock_provider")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    uvloop.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()
