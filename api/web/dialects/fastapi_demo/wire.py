"""Our values and events → the FastAPI demo's JSON and errors. Pure translation, no Flask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from api.domain.chats import Chat, Message, spoken
from api.domain.prompts import Prompt
from api.web.sender import BROKEN_OFF, Refusal


def error_form(problem: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """A problem's status and body."""
    return int(problem["status"]), {"detail": problem["detail"]}


def chats(found: Sequence[Chat]) -> dict[str, Any]:
    """All chats by their ids."""
    return {"success": True, "chats": {chat.slug: _listed(chat) for chat in found}}


def _listed(chat: Chat) -> dict[str, Any]:
    updated = _moment(chat.updated_at)
    return {
        "id": str(chat.id),
        "chat_id": chat.slug,
        "title": chat.title,
        "created_at": _moment(chat.created_at),
        "updated_at": updated,
        "last_updated": updated,
    }


def history(chat_id: str, chat: Chat, messages: Sequence[Message]) -> dict[str, Any]:
    """A chat with what was said in it."""
    return {
        "success": True,
        "chat_id": chat_id,
        "history": {
            "id": str(chat.id),
            "custom_id": chat.slug,
            "title": chat.title,
            "created_at": _moment(chat.created_at),
            "updated_at": _moment(chat.updated_at),
            "messages": [
                {"role": one.role, "content": one.content, "timestamp": _moment(one.created_at)}
                for one in spoken(messages)
            ],
        },
    }


def prompts(library: Sequence[Prompt]) -> dict[str, Any]:
    """The library by ids: slugs, and of two with one slug the later one's own id, as the slug is the first one's."""
    by_id: dict[str, dict[str, Any]] = {}
    for one in library:
        name = one.slug if one.slug not in by_id else str(one.id)
        by_id[name] = prompt_value(one) | {"id": name}
    return {"success": True, "prompts": by_id}


def prompt_value(prompt: Prompt) -> dict[str, Any]:
    """One system prompt."""
    return {
        "id": prompt.slug,
        "name": prompt.name,
        "content": prompt.content,
        "description": prompt.description,
        "created_at": _moment(prompt.created_at),
        "updated_at": _moment(prompt.updated_at),
    }


def _moment(at: dt.datetime) -> str:
    """Sorted as text by the client: always as many digits, always with +00:00."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")


class Reply:
    """Collects a reply's events; at its end one answer, or a Refusal, raised."""

    def __init__(self, chat_id: str) -> None:
        self._chat_id = chat_id

    def __call__(self, events: Iterable[tuple[int, str, Any]]) -> bytes:
        for _, kind, value in events:
            if kind == "error":
                raise Refusal.of(value, error_form)
            if kind == "finished":
                if value["status"] == "interrupted":
                    raise Refusal.of(BROKEN_OFF, error_form)
                said = {"success": True, "response": value["message"]["content"], "chat_id": self._chat_id}
                return msgspec.json.encode(said)
        return b""
