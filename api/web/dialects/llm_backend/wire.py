"""Our values and events → llm-backend-api's JSON, stream and errors. Pure translation, no Flask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from api.domain.chats import Chat, Message, spoken
from api.domain.errors import Invalid
from api.domain.model_configs import ModelConfig
from api.web.sender import BROKEN_OFF, Refusal

NUMBER: Final = re.compile(r"-?[0-9]{1,40}")
PING: Final = b": ping\n\n"


def error_form(problem: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """A problem's status and body."""
    status = 400 if problem["status"] == 422 or problem["code"] == "already_taken" else int(problem["status"])
    return status, {"error": problem["detail"]}


def number_of(text: str) -> int:
    """A conversation's number from a path. Raises Invalid."""
    if not NUMBER.fullmatch(text):
        raise Invalid("A conversation's id is a whole number.")
    return int(text)


def listed(chat: Chat) -> dict[str, Any]:
    """A conversation in the list."""
    created = int(chat.created_at.timestamp())
    return {"conversation_id": chat.number, "title": chat.title, "created_time": created}


def created(chat: Chat, config: ModelConfig | None) -> dict[str, Any]:
    """A new conversation, with the key that was given for it, masked."""
    return listed(chat) | {"model": chat.model, "api_key": (config and config.api_key) or ""}


def history(chat: Chat, messages: Sequence[Message]) -> dict[str, Any]:
    """A conversation with what was said in it."""
    said = enumerate(spoken(messages), start=1)
    entries = [{"role": one.role, "content": one.content, "message_id": place} for place, one in said]
    return listed(chat) | {"model": chat.model, "messages": entries}


class Stream:
    """Encodes a reply's events. A failure before the first piece of text is a Refusal, raised."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, events: Iterable[tuple[int, str, Any]]) -> bytes:
        return b"".join(self._event(kind, value) for _, kind, value in events)

    def _event(self, kind: str, value: Any) -> bytes:
        if kind == "delta":
            self._told = True
            return _frame("message", value)
        if kind == "error":
            return self._failure(value)
        if kind == "finished":
            if value["status"] == "interrupted":
                return self._failure(BROKEN_OFF)
            return _frame("done", "Stream finished") + _frame("full_response", value["message"]["content"])
        return b""

    def _failure(self, problem: Mapping[str, Any]) -> bytes:
        if not self._told:
            raise Refusal.of(problem, error_form)
        return _frame("error", problem["detail"])


def _frame(event: str, data: str) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode({"event": event, "data": data})
