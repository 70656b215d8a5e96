"""Plan mode in words: what a model is told that plans, and what one is told that follows a plan."""

from __future__ import annotations

from collections.abc import Sequence

from api.domain.chats import Spoken
from api.domain.conversation import FilePart, Turn

MAKE = (
    "Do not answer the user's last message yet. Write the plan of the answer: a numbered checklist of short, concrete "
    "steps in the order in which they are to be done, in the user's language, and nothing else. Another model answers "
    "by it."
)
FOLLOW = "Now answer my message. Follow this plan step by step, and do not repeat the plan itself."


def to_plan(system: str | None) -> str:
    """The system prompt of a call that makes a plan."""
    return f"{system}\n\n{MAKE}" if system else MAKE


def turns_of(spoken: Sequence[Spoken], *, followed: bool = False) -> list[Turn]:
    """The turns that were said. What follows a plan was asked for: `followed` if that is next."""
    turns: list[Turn] = []
    planned = False
    for role, text, kind, files, sealed in spoken:
        if not text:
            continue
        if planned and role == "assistant":
            turns.append(Turn("user", FOLLOW))
        turns.append(Turn(role, text, (*map(FilePart, files), *sealed)))  # type: ignore[arg-type]
        planned = kind == "plan"
    if planned and followed:
        turns.append(Turn("user", FOLLOW))
    return turns
