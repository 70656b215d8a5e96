"""What the test upstream replies with, and the record of what it wrote."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Served:
    """One model request and what was written in answer. `finished`: to its end. `left`: the client went before."""

    tag: str
    path: str
    model: str
    headers: dict[str, str]
    body: dict[str, Any]
    tokens: list[str] = field(default_factory=list)
    finished: bool = False
    left: bool = False

    @property
    def text(self) -> str:
        return "".join(self.tokens).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def last_user_message(body: dict[str, Any]) -> str:
    turns = body.get("messages") or body.get("contents") or []
    said = [turn.get("content", turn.get("parts")) for turn in turns if turn["role"] == "user"]
    last = said[-1] if said else ""
    return last if isinstance(last, str) else "".join(part.get("text", "") for part in last)


def names_field(body: dict[str, Any], field: str) -> bool:
    """Does a request hold that field, wherever its protocol puts parameters?"""
    return any(field in body.get(place, {}) for place in ("generationConfig", "options")) or field in body


def key_of(headers: dict[str, str]) -> str:
    """The credential as it arrived, in words, in base64 and in hexadecimal."""
    found = (headers.get(name) for name in ("authorization", "x-api-key", "x-goog-api-key"))
    key = next((value for value in found if value), "no key")
    return f"{key}, {base64.b64encode(key.encode()).decode()}, {key.encode().hex()}"


def tokens(name: str, args: list[str], asked: str) -> Iterator[tuple[float, str]]:
    """Seconds to wait and the token that follows, for the behaviours of `tests.upstream`."""
    if name in {"count", "cut", "stall", "error-in-stream", "error-event"}:
        pace = float(args[1]) / 1000 if len(args) > 1 else 0.02 if name == "count" else 0.0
        for number in range(1, int(args[0] if args else 3) + 1):
            yield pace, f"{number} "
    elif name == "text":
        # Cut between UTF-16 units, as servers written in JavaScript do: a pair may come in two halves.
        units = asked.encode("utf-16-le", "surrogatepass")
        dice = random.Random(units)
        while units:
            size = dice.choice((1, 1, 2, 3, 7, 20)) * 2
            piece, units = units[:size], units[size:]
            yield 0.0, piece.decode("utf-16-le", "surrogatepass")
    elif name == "flood":
        for _ in range(int(args[0]) * 16 if args else 1600):
            yield 0.0, "x" * 65_536
    elif name != "mute":
        for word in f"You said: {asked}".split(" "):
            yield 0.0, word + " "
