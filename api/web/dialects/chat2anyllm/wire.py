"""Our values and events → Chat2AnyLLM's JSON, stream and errors. Pure translation, no Flask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from api.domain.accounts import User
from api.domain.chats import Chat, Message, spoken
from api.domain.prompts import Prompt
from api.services.ready_models import ReadyModel
from api.web.sender import BROKEN_OFF, Refusal

UNTITLED: Final = "New Chat"
DONE: Final = b"data: [DONE]\n\n"
PING: Final = b": ping\n\n"


def error_form(problem: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """A problem's status and body. Never 403: the client would throw its token away, which is good still."""
    status = {422: 400, 403: 409}.get(problem["status"], int(problem["status"]))
    return status, {"error": problem["detail"]}


def signed_in(token: str, user: User) -> dict[str, Any]:
    """The token, and whose it is."""
    return {"token": token, "user": {"id": user.id, "username": user.username, "role": user.role}}


def models(found: Sequence[ReadyModel]) -> dict[str, Any]:
    """LiteLLM's form of a list of models."""
    return {"data": [_model(one) for one in found]}


def _model(one: ReadyModel) -> dict[str, Any]:
    return {
        "model_name": one.name,
        "litellm_params": {"model": f"{one.provider}/{one.model}", "custom_llm_provider": one.provider},
        "model_info": {
            "id": one.name,
            "litellm_provider": one.provider,
            "mode": "chat",
            "max_input_tokens": one.context_window,
            "max_output_tokens": one.max_output,
        },
    }


def title_of(title: str | None) -> dict[str, Any]:
    """The fields of a new chat: one that is named as those without a name are named is to get a title yet."""
    return {} if title is None or title == UNTITLED else {"title": title}


def sessions(chats: Iterable[Chat]) -> list[dict[str, Any]]:
    """The latest activity first."""
    return [session(chat) for chat in sorted(chats, key=lambda chat: (chat.updated_at, chat.id), reverse=True)]


def session(chat: Chat) -> dict[str, Any]:
    """A chat."""
    title = UNTITLED if chat.titled_by == "default" else chat.title
    return {"id": chat.id, "title": title, "created_at": chat.created_at, "updated_at": chat.updated_at}


def messages(path: Sequence[Message]) -> list[dict[str, Any]]:
    """What was said, oldest first."""
    return [
        {"id": one.id, "role": one.role, "content": one.content, "timestamp": one.created_at} for one in spoken(path)
    ]


def roles(library: Iterable[Prompt]) -> list[dict[str, Any]]:
    """All prompts, by name."""
    return [role(prompt) for prompt in sorted(library, key=lambda prompt: (prompt.name.casefold(), prompt.id))]


def role(prompt: Prompt) -> dict[str, Any]:
    """A prompt of the library."""
    return {
        "id": prompt.id,
        "name": prompt.name,
        "instructions": prompt.content,
        "created_at": prompt.created_at,
        "updated_at": prompt.updated_at,
    }


class Stream:
    """Encodes a reply's events, each as one of its own or none. A failure before the first piece of text is a Refusal,
    raised."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, events: Iterable[tuple[int, str, Any]]) -> bytes:
        return b"".join(self._event(kind, value) for _, kind, value in events)

    def _event(self, kind: str, value: Any) -> bytes:
        if kind == "delta":
            self._told = True
            return b"data: %b\n\n" % msgspec.json.encode({"choices": [{"delta": {"content": value}}]})
        if kind == "error":
            return self._failure(value)
        if kind == "finished":
            if value["status"] == "interrupted":
                return self._failure(BROKEN_OFF)
            return DONE
        return b""

    def _failure(self, problem: Mapping[str, Any]) -> bytes:
        if not self._told:
            raise Refusal.of(problem, error_form)
        return b"data: %b\n\n" % msgspec.json.encode(error_form(problem)[1])
