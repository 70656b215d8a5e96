"""Model configs as JSON: the key is written and never read."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.web.openapi import Body
from api.web.schemas.accounts import Line, Storable
from api.web.schemas.chats import ModelName, Share, Temperature
from api.web.shapes import Shape

Name = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
MaxOutput = Annotated[
    int, Field(ge=1, le=10_000_000, description="At most 32000, unless the model is known to write more than that.")
]


class _Fields(Body):
    base_url: Annotated[str, Field(max_length=500)] | None = None
    api_key: Annotated[str, Field(min_length=1, max_length=4000, description="Write only.")] | None = None
    model: ModelName | None = None
    system_prompt: Annotated[str, StringConstraints(max_length=100_000), Storable] | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    max_tokens: MaxOutput | None = None


class NewModelConfig(_Fields):
    name: Name
    provider: Annotated[str, Field(max_length=40)]
    is_default: bool = False
    shared: bool = False


class ModelConfigChange(_Fields):
    """Without `api_key` the stored key stays. Another server needs the key again."""

    name: Name | None = None
    is_default: bool | None = None
    shared: bool | None = None

    def values(self) -> dict[str, Any]:
        """The fields that were given; a null where null means nothing is left out."""
        given = self.model_dump(exclude_unset=True)
        return {k: v for k, v in given.items() if v is not None or k not in ("name", "is_default", "shared")}


class ModelConfigAnswer(Shape):
    model_config = ConfigDict(protected_namespaces=())

    id: UUID
    name: str
    provider: str
    base_url: str | None
    api_key: str | None = Field(description="Masked.")
    key_unreadable: bool
    model: str | None
    system_prompt: str | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    is_default: bool
    shared: bool
    created_at: dt.datetime
    updated_at: dt.datetime


class TrialError(Shape):
    """What the provider's refusal means, as a message sent with this config would show it."""

    code: str
    title: str
    detail: str
    status: int
    retry_after: int | None


class ModelConfigTrial(Shape):
    """Milliseconds: to the reply's end, and to its first token."""

    ok: bool
    provider: str
    model: str
    latency_ms: int
    first_token_ms: int | None
    error: TrialError | None


class ModelConfigsAnswer(Shape):
    items: list[ModelConfigAnswer]
