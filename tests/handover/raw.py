"""HTTP by hand: what goes over the line, byte by byte."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

from tests.server import PATIENCE, Event, events_of

NUMBERS = re.compile(r"(?<=[rt]=)\d+")


def request(
    method: str, path: str, token: str | None = None, body: Any = None, version: str = "1.1", **headers: str
) -> bytes:
    """A request's bytes. `body` is JSON; header names are written with underscores."""
    lines = [f"{method} {path} HTTP/{version}", "Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    data = b"" if body is None else json.dumps(body).encode()
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


class Raw:
    """One connection. `with Raw(port, request(...)) as line: line.head(); line.rest()`"""

    def __init__(self, port: int, data: bytes = b"", *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.headers: list[tuple[str, str]] = []
        if data:
            self.send(data)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def head(self) -> list[str]:
        """Status line and header lines, in order."""
        lines = []
        while (line := self.file.readline()) not in (b"\r\n", b""):
            lines.append(line.decode("latin-1").rstrip("\r\n"))
        self.headers = [(name.lower(), value.strip()) for name, _, value in (one.partition(":") for one in lines[1:])]
        return lines

    def rest(self) -> bytes:
        """Everything until the server closes."""
        return self.file.read()

    def body(self) -> bytes:
        """The body as its head says that it ends."""
        headers = dict(self.headers)
        if headers.get("transfer-encoding") == "chunked":
            return b"".join(self.chunks())
        if "content-length" in headers:
            return self.file.read(int(headers["content-length"]))
        return self.rest()

    def chunks(self) -> Iterator[bytes]:
        """The chunks of a chunked body; fails where the last one is missing."""
        while size := int(self.file.readline(), 16):
            yield self.file.read(size)
            assert self.file.read(2) == b"\r\n"
        assert self.file.readline() == b"\r\n"

    def events(self) -> Iterator[Event]:
        """The events of a chunked stream, as they come."""
        return events_of(line for chunk in self.chunks() for line in chunk.splitlines(keepends=True))


def settled(head: list[str]) -> list[str]:
    """A head without what differs from one request to the next."""
    plain = []
    for line in head:
        name = line.partition(":")[0]
        if name.lower() in ("date", "x-request-id", "retry-after", "location", "content-length"):
            line = f"{name}: *"
        elif name == "RateLimit":
            line = NUMBERS.sub("*", line)
        plain.append(line)
    return plain
