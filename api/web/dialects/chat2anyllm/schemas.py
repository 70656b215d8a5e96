"""What Chat2AnyLLM's clients send and read."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.web.openapi import OpenBody
from api.web.schemas.accounts import Line, Password
from api.web.schemas.auth import Identifier
from api.web.schemas.chats import ModelName
from api.web.schemas.prompts import Content, Name
from api.web.shapes import Shape


class ClientSignIn(OpenBody):
    username: Identifier = Field(description="Or email address.")
    password: Password


class NewSession(OpenBody):
    title: Annotated[Line, StringConstraints(min_length=1, max_length=120)] | None = None


class SessionMessage(OpenBody):
    message: str = Field(description="1 to MAX_MESSAGE_CHARS characters, not blank.")
    model: ModelName | None = Field(None, description="A `model_name` of `GET /api/models`; without it, the default.")


class NewRole(OpenBody):
    name: Name
    instructions: Content


class RoleChange(OpenBody):
    name: Name | None = None
    instructions: Content | None = None

    def values(self) -> dict[str, Any]:
        """The prompt's fields that were given."""
        given = {"name": self.name, "content": self.instructions}
        return {name: value for name, value in given.items() if value is not None}


class SignedIn(Shape):
    token: str
    user: dict[str, Any] = Field(description="id, username, role")


class ReadyModels(Shape):
    data: list[dict[str, Any]] = Field(description="model_name, litellm_params, model_info: LiteLLM's form.")


class SessionEntry(Shape):
    id: UUID
    title: str
    created_at: dt.datetime
    updated_at: dt.datetime


class SessionLine(Shape):
    id: UUID
    role: Literal["user", "assistant"]
    content: str
    timestamp: dt.datetime


class RoleAnswer(Shape):
    id: UUID
    name: str
    instructions: str
    created_at: dt.datetime
    updated_at: dt.datetime


class HealthAnswer(Shape):
    model_config = ConfigDict(json_schema_extra={"description": "This process is alive."})

    status: Literal["OK"]
    timestamp: dt.datetime
