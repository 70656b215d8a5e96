"""What llm-backend-api's clients send and read."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from api.web.openapi import OpenBody, Parameters
from api.web.schemas.accounts import NewPassword, Password, Username
from api.web.schemas.auth import Identifier
from api.web.schemas.chats import ModelName, Title
from api.web.shapes import Shape


class NewBackendUser(OpenBody):
    """Without an email address."""

    username: Username
    password: NewPassword
    setup_code: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Only for the first account of a production server."
    )


class BackendSignIn(OpenBody):
    username: Identifier
    password: Password


class NewConversation(OpenBody):
    title: Title
    model: ModelName
    api_key: Annotated[str, Field(max_length=4000)] | None = Field(
        None, description="The provider's key, kept as a model config of this account. Write only."
    )


class ConversationMessage(OpenBody):
    message: str = Field(description="1 to MAX_MESSAGE_CHARS characters, not blank.")


class ConversationPath(Parameters):
    id: str = Field(description="The conversation's number.")


class DoneAnswer(Shape):
    message: str


class TokenAnswer(Shape):
    token: str


class ConversationEntry(Shape):
    conversation_id: int
    title: str
    created_time: int = Field(description="In Unix seconds.")


class ConversationAnswer(ConversationEntry):
    model_config = ConfigDict(protected_namespaces=())

    model: str | None
    api_key: str = Field(description="Masked; empty without one.")


class ConversationLine(Shape):
    role: str
    content: str
    message_id: int = Field(description="The place in the conversation, from 1.")


class ConversationHistory(ConversationEntry):
    model: str | None
    messages: list[ConversationLine]
