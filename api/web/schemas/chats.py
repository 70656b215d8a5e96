"""Chats and messages as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from api.domain.chats import MAX_TITLE
from api.services.chats import Spot
from api.web.openapi import Body, Parameters
from api.web.schemas.accounts import Line, Storable
from api.web.schemas.attachments import FileShown
from api.web.shapes import Shape

Title = Annotated[Line, StringConstraints(min_length=1, max_length=MAX_TITLE)]
Folder = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
Tag = Annotated[Line, StringConstraints(min_length=1, max_length=50)]
ModelName = Annotated[Line, StringConstraints(min_length=1, max_length=200)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Share = Annotated[float, Field(ge=0, le=1)]
BlankName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,49}$")]
Blank = Annotated[str, StringConstraints(max_length=10_000), Storable]
MaxTokens = Annotated[int, Field(ge=1, le=1_000_000)]


class ChatParameters(Body):
    """What every message of the chat is sent with, unless the message says otherwise."""

    temperature: Temperature | None = None
    top_p: Share | None = None
    max_tokens: MaxTokens | None = None
    prompt_values: Annotated[dict[BlankName, Blank], Field(max_length=100)] | None = Field(
        None, description="What the variables of the chat's prompt are filled with. Another `prompt_id` drops them."
    )


class ChatPlan(Body):
    """`planner` makes a plan of each message first, `answerer` follows it; with `review`, not before it is executed."""

    planner: ModelName
    answerer: ModelName
    review: bool = False


class NewChat(Body):
    title: Title | None = None
    slug: Annotated[str, Field(description="One's own id: 1 to 50 letters, digits, _ or -; no UUID.")] | None = None
    model_config_id: UUID | None = None
    model: ModelName | None = None
    prompt_id: UUID | None = None
    parameters: ChatParameters | None = None
    plan: ChatPlan | None = None
    temporary: bool = False
    pinned: bool = False
    archived: bool = False
    folder: Folder | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] | None = None

    # `model_config_id` is our field, not pydantic's
    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())

    def values(self) -> dict[str, Any]:
        """The fields that were given."""
        given = self.model_dump(exclude_unset=True)
        for name in ("title", "slug", "parameters", "tags"):
            if given.get(name, ...) is None:
                del given[name]
        if "parameters" in given:
            given["parameters"] = {k: v for k, v in given["parameters"].items() if v is not None}
        if self.plan is not None:
            given["plan"] = self.plan.model_dump()
        return given


class ChatChange(NewChat):
    """Only the fields that are given are changed; null empties model, model_config_id, prompt_id, plan, folder."""


class ChatAnswer(Shape):
    model_config = ConfigDict(protected_namespaces=())

    id: UUID
    number: int
    slug: str
    title: str
    model_config_id: UUID | None
    model: str | None
    prompt_id: UUID | None
    parameters: dict[str, Any]
    plan: ChatPlan | None
    head_id: UUID | None
    pinned: bool
    archived: bool
    temporary: bool
    folder: str | None
    tags: list[str]
    active_generation_id: UUID | None
    created_at: dt.datetime
    updated_at: dt.datetime


class MessageAnswer(Shape):
    id: UUID
    chat_id: UUID
    parent_id: UUID | None
    seq: int
    role: str
    kind: str
    content: str
    reasoning: str | None
    model: str | None
    provider: str | None
    status: str
    metadata: dict[str, Any]
    created_at: dt.datetime
    sibling_ids: list[UUID] = Field([])
    attachments: list[FileShown] = Field([])


class OpenChatAnswer(ChatAnswer):
    messages: list[MessageAnswer]


class ChatsAnswer(Shape):
    items: list[ChatAnswer]
    next_cursor: str | None


class MessagesAnswer(Shape):
    """Messages of one branch, oldest first. `more`: earlier ones of it are left; `more_after`: later ones."""

    items: list[MessageAnswer]
    more: bool
    more_after: bool


class ChatsQuery(Parameters):
    limit: int = Field(30, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200)
    archived: bool | None = False
    pinned: bool | None = None
    folder: str | None = Field(None, max_length=100, description="Empty: the chats in no folder.")
    tag: str | None = Field(None, max_length=50)


class MessagesQuery(Parameters):
    """At most one of `before`, `after` and `around`; without one, the newest messages of the branch that is shown."""

    before: str | None = Field(None, max_length=100, description="A message's id: those that came before it.")
    after: str | None = Field(None, max_length=100, description="A message's id: those that follow it on its branch.")
    around: str | None = Field(
        None,
        max_length=100,
        description="A message's id, of any branch: it and those before and after it. The branch is the one that is"
        " shown, or the one that `PUT /chats/{id}/head` would show for it.",
    )
    limit: int = Field(50, ge=1, le=200)

    @model_validator(mode="after")
    def _one_spot(self) -> MessagesQuery:
        if sum(one is not None for one in (self.before, self.after, self.around)) > 1:
            raise ValueError("send one of `before`, `after` and `around`")
        return self

    def spot(self) -> Spot:
        if self.around is not None:
            return Spot("around", self.around)
        return Spot("after", self.after) if self.after is not None else Spot("before", self.before)
