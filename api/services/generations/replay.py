"""A reply's events made again from what is stored: from text and index after its end, from event rows before it."""

from __future__ import annotations

from typing import Any

from api.domain import event_index
from api.domain.chats import Message
from api.domain.errors import AppError, kinds
from api.domain.generations import Generation
from api.services.generations.counting import usage_value
from api.services.generations.plan import message_value
from api.streams.live_log import Event


def replayed(generation: Generation, message: Message | None) -> list[Event]:
    """All events of an ended generation, under their own numbers."""
    index = generation.event_index or ('["started","error"]' if generation.error_code else '["started","finished"]')
    text = message.content if message else ""
    reasoning = (message.reasoning if message else None) or ""
    made: dict[str, Any] = {
        "started": _started(generation),
        "usage": usage_value(generation, generation.cost),
        "finished": {
            "status": generation.status,
            "finish_reason": generation.finish_reason,
            "message": message_value(message),
        },
        "error": _problem(generation, message),
    }
    if message is not None and "duration_ms" in message.metadata:
        made["usage"]["duration_ms"] = message.metadata["duration_ms"]
    if message is not None and message.kind == "plan":
        made["finished"]["next"] = generation.notes.get("next")
    return event_index.rebuild(index, text, reasoning, made)


def _started(generation: Generation) -> dict[str, Any]:
    return {
        "generation_id": generation.id,
        "chat_id": generation.chat_id,
        "message_id": generation.message_id,
        "user_message_id": generation.user_message_id,
        "model": generation.model,
        "provider": generation.provider,
    }


def _problem(generation: Generation, message: Message | None) -> dict[str, Any]:
    """As it was told when the reply ended. Of one without a message the code alone is stored, which says the rest."""
    stored = (message.metadata if message else {}).get("error", {})
    code = generation.error_code or AppError.code
    kind = kinds().get(code, AppError)
    return {
        "type": f"/docs/errors#{code}",
        "title": stored.get("title", kind.title),
        "status": stored.get("status", kind.status),
        "detail": generation.error_detail or "",
        "code": code,
    }
