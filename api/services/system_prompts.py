"""What a model is told first: which prompt takes precedence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.domain.chats import Chat
from api.domain.errors import NotFound
from api.domain.model_configs import ModelConfig
from api.domain.principal import Principal
from api.domain.prompts import BUILT_IN, Prompt, filled
from api.repositories.unit_of_work import UnitOfWork

NO_PROMPT = "There is no such prompt."


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """What a model is told first, and where it is from: message, chat, model_config, user or instance."""

    text: str
    source: str
    prompt: Prompt | None = None

    @property
    def notes(self) -> dict[str, Any]:
        """What the generation records."""
        if self.prompt is None:
            return {"system_prompt_from": self.source}
        named = {"id": str(self.prompt.id), "name": self.prompt.name, "version": self.prompt.version}
        return {"system_prompt_from": self.source, "prompt": named}


def system_prompt(
    work: UnitOfWork, principal: Principal, *, wished: UUID | None, chat: Chat | None, config: ModelConfig | None
) -> SystemPrompt | None:
    """The message's > the chat's > the model config's > the user's active one; the instance's is the caller's.
    Raises NotFound for a prompt that the message names and nobody has."""
    if wished is not None:
        if (prompt := usable_prompt(work, principal, wished)) is None:
            raise NotFound(NO_PROMPT)
        return _of(prompt, "message")
    if chat is not None and chat.prompt_id and (prompt := usable_prompt(work, principal, chat.prompt_id)):
        return _of(prompt, "chat", chat.prompt_values)
    if config is not None and config.system_prompt:
        return SystemPrompt(config.system_prompt, "model_config")
    if principal.active_prompt_id and (prompt := usable_prompt(work, principal, principal.active_prompt_id)):
        return _of(prompt, "user")
    return None


def _of(prompt: Prompt, source: str, values: Mapping[str, str] | None = None) -> SystemPrompt:
    """Variables without a value have their defaults; those without one go as they stand."""
    return SystemPrompt(filled(prompt.content, values or {}), source, prompt)


def usable_prompt(work: UnitOfWork, principal: Principal, prompt_id: UUID) -> Prompt | None:
    """A built-in prompt, one's own, or a shared one."""
    built_in = next((one for one in BUILT_IN if one.id == prompt_id), None)
    return built_in or work.prompts.get_usable(prompt_id, principal.user_id)
