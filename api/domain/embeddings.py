"""Embeddings: what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EmbeddingOrder:
    """Each input is a text, or a list of tokens of the model's own. `extra`: what a client of OpenAI's form says
    besides, for providers that speak it."""

    inputs: tuple[str | list[int], ...]
    dimensions: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def texts(self) -> list[str] | None:
        """None where some are tokens."""
        found = [one for one in self.inputs if isinstance(one, str)]
        return found if len(found) == len(self.inputs) else None
