"""What is asked, what must come back, and the cells: where the mock and the load generator agree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MARK = "~"
"""Begins every token and occurs nowhere else: so tokens can be counted in raw bytes, however framed."""

_WORDS = ("the", "of", "and", "to", "in", "is", "it", "you", "that", "was", "for", "on", "are", "with", "as")
_SENTENCE = "Explain in simple words, with one example, why the sky is blue at noon and red at dusk, please. "

PROMPT = (_SENTENCE * 10).strip()
"""The question of every request, about 1 KB."""


@lru_cache(maxsize=32)
def tokens(count: int) -> tuple[str, ...]:
    """The answer of `count` tokens: numbered, so that a lost or doubled one is seen."""
    return tuple(f"{MARK}{_WORDS[i * 7 % len(_WORDS)]}{i}" for i in range(count))


def answer(count: int) -> str:
    return "".join(tokens(count))


@dataclass(frozen=True, slots=True)
class Cell:
    """One load. Closed: `streams` at once, each starting the next when one ends, for `seconds`.
    Paced (`interval_ms` > 0): each stream starts once, spread over `seconds`."""

    id: str
    title: str
    streams: int
    tokens: int
    interval_ms: int
    seconds: float
    streamed: bool = True

    @property
    def model(self) -> str:
        """The mock provider reads its behaviour from the model's name: bench-<tokens>-<interval in ms>."""
        return f"bench-{self.tokens}-{self.interval_ms}"


CELLS = (
    Cell("request", "not streamed, 16 at once", 16, 100, 0, 3.0, streamed=False),
    Cell("burst", "100 tokens at full speed, 16 at once", 16, 100, 0, 3.0),
    Cell("paced-200", "200 tokens x 20 ms, 200 at once", 200, 200, 20, 2.0),
    Cell("paced-1000", "200 tokens x 20 ms, 1,000 at once", 1000, 200, 20, 2.0),
)
