"""What is sent to a model: turns, and the request that carries them. Plain values, made once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the context, in the order in which the model reads them."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One call of a model. `max_tokens` counts output tokens; None leaves a parameter to the provider."""

    model: str
    turns: tuple[Turn, ...]
    system: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stream: bool = True
