"""Our values and events → the LLM service's JSON and errors. Pure translation, no Flask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from api.domain.chats import Message
from api.domain.model_configs import ModelConfig
from api.web.sender import BROKEN_OFF, Refusal

NAMES: Final = {"anthropic": "claude"}
MASKED: Final = "***"


def error_form(problem: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """A problem's status and body."""
    return 400 if problem["status"] == 422 else int(problem["status"]), {"error": problem["detail"]}


def slug_of(provider: str) -> str:
    """The chat that is this provider's history."""
    return f"llm-{NAMES.get(provider, provider)}"


def config_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be saved. A key as we show it was not entered again."""
    values = {
        "api_key": None if MASKED in (given["apiKey"] or "") else given["apiKey"],
        "model": given["model"],
        "temperature": given["temperature"],
        "max_tokens": given["maxTokens"],
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def configs(found: Mapping[str, ModelConfig]) -> dict[str, Any]:
    """All configurations by provider."""
    return {"configs": {NAMES.get(provider, provider): _config(config) for provider, config in found.items()}}


def _config(config: ModelConfig) -> dict[str, Any]:
    return {
        "model": config.model,
        "temperature": config.temperature,
        "maxTokens": config.max_tokens,
        "apiKey": (config.api_key or "").replace("…", MASKED),
    }


def history(messages: Sequence[Message], total: int) -> dict[str, Any]:
    """What was said. Tokens are counted for replies: what a message alone costs is known to nobody."""
    return {"history": [_line(message) for message in messages], "total": total}


def _line(message: Message) -> dict[str, Any]:
    return {
        "id": message.seq,
        "role": message.role,
        "content": message.content,
        "tokensUsed": message.metadata.get("completion_tokens"),
        "createdAt": message.created_at,
    }


class Reply:
    """Collects a reply's events; at its end one answer, or a Refusal, raised."""

    def __init__(self) -> None:
        self._tokens: int | None = None

    def __call__(self, events: Iterable[tuple[int, str, Any]]) -> bytes:
        for _, kind, value in events:
            if kind == "usage":
                counted = (value["prompt_tokens"], value["completion_tokens"])
                self._tokens = None if counted == (None, None) else sum(count or 0 for count in counted)
            elif kind == "finished":
                return self._finished(value)
            elif kind == "error":
                raise Refusal.of(value, error_form)
        return b""

    def _finished(self, value: Mapping[str, Any]) -> bytes:
        if value["status"] == "interrupted":
            raise Refusal.of(BROKEN_OFF, error_form)
        message = value["message"]
        told = {"response": message["content"], "tokensUsed": self._tokens, "model": message["model"]}
        return msgspec.json.encode(told)
