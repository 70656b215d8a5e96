"""What a run is given when it starts: plain values only, so that nothing of a request travels along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from api.domain.chats import Message
from api.domain.events import ToolCall
from api.domain.generations import Sequel
from api.domain.model_facts import Rates
from api.domain.seam import Seam
from api.streams.live_log import LiveLog


class Running(Protocol):
    """A run, as whoever waits for its end sees it; `successor` is the one that followed it."""

    id: UUID
    plan: Plan
    log: LiveLog
    successor: Running | None


@dataclass(frozen=True, slots=True)
class Following:
    """What comes after a run: stored as it is closed, begun after that."""

    sequel: Sequel
    begin: Callable[[], Running]


Follow = Callable[[str], Following]
"""Makes what comes after a run, from its whole text. Called in the flusher's thread."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A stored, acknowledged generation that waits to be carried out. `prompt_size` is in UTF-8 bytes."""

    user_id: UUID
    generation_id: UUID
    provider: str
    model: str
    surface: str
    chat_id: UUID | None = None
    message: Message | None = None  # the answer as it stood before: empty, or the part that goes on
    user_message_id: UUID | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    prompt_size: int = 0
    turns: int = 0
    seam: Seam | None = None  # for an answer that goes on
    rates: Rates | None = None  # what is known of its price beforehand
    follow: Follow | None = None


def started(plan: Plan) -> dict[str, Any]:
    """The value of the event `started`."""
    return {
        "generation_id": plan.generation_id,
        "chat_id": plan.chat_id,
        "message_id": plan.message.id if plan.message else None,
        "user_message_id": plan.user_message_id,
        "model": plan.model,
        "provider": plan.provider,
    }


def call_value(call: ToolCall, *, signed: bool) -> dict[str, Any]:
    """A tool call as events show it; `signed` for a client that brings it back, as nobody does of a stored reply."""
    value: dict[str, Any] = {"id": call.id, "name": call.name, "arguments": call.arguments}
    return value | ({"signature": call.signature} if signed and call.signature else {})


def message_value(message: Message | None, **changed: Any) -> dict[str, Any] | None:
    """A message as events and answers show it."""
    if message is None:
        return None
    shown = (
        "id",
        "chat_id",
        "parent_id",
        "seq",
        "role",
        "kind",
        "content",
        "reasoning",
        "model",
        "provider",
        "status",
        "metadata",
        "created_at",
        "attachments",
    )
    return {name: getattr(message, name) for name in shown} | changed
