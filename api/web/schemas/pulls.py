"""What an Ollama is told to fetch."""

from __future__ import annotations

from uuid import UUID

from pydantic import ConfigDict

from api.web.openapi import Body
from api.web.schemas.chats import ModelName


class NewPull(Body):
    """`model_config_id` names the Ollama of a config; without it, it is the operator's."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    model: ModelName
    model_config_id: UUID | None = None
