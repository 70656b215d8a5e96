"""Bytes of a `text/event-stream` into events. Pure: no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ServerEvent:
    id: int | None
    name: str
    data: dict[str, Any]


class EventParser:
    """Feed it bytes cut anywhere; it gives the events that are whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._id: int | None = None
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for raw in lines:
            line = raw.removesuffix(b"\r").decode("utf-8", "replace")
            if line:
                self._field(line)
                continue
            event = self._event()
            if event is not None:
                yield event

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and value.isdigit():
            self._id = int(value)

    def _event(self) -> ServerEvent | None:
        name, number, text = self._name, self._id, "\n".join(self._data)
        self._name, self._id, self._data = "", None, []
        if not text:
            return None
        try:
            data = json.loads(text)
        except ValueError:
            return None
        if not isinstance(data, dict):
            return None
        return ServerEvent(number, name or str(data.get("type", "message")), data)
