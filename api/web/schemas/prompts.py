"""Prompts as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from api.domain.prompts import MAX_CONTENT, MAX_SLUG
from api.web.openapi import Body, Parameters
from api.web.schemas.accounts import Line, Prose, Storable
from api.web.schemas.chats import Tag
from api.web.shapes import Shape

Name = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
Content = Annotated[str, StringConstraints(max_length=MAX_CONTENT), Storable]


class NewPrompt(Body):
    """`{{name}}` in the content is a variable; `{{name: number = 3}}` has a type (text, number, date, choice(a, b)) and
    a default."""

    name: Name
    slug: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_SLUG,
        description="Names it in addresses, for good: small letters and digits of any script, with single hyphens "
        "between them; no UUID. Without one it is made of the name; of what is already there, 409.",
    )
    content: Content
    description: Prose = ""
    tags: Annotated[list[Tag], Field(default_factory=list, max_length=20)]
    shared: bool = False


class PromptChange(Body):
    """What is given is saved as a new version. The slug stays as it was made, also under another name."""

    name: Name | None = None
    content: Content | None = None
    description: Prose | None = None
    tags: Annotated[list[Tag], Field(max_length=20)] | None = None
    shared: bool | None = None
    version: int | None = Field(None, description="409 where another than this is the newest by now.")

    def values(self) -> dict[str, Any]:
        """The fields that were given."""
        return self.model_dump(exclude_none=True, exclude={"version"})


class Values(Body):
    values: dict[Annotated[str, StringConstraints(max_length=50)], Annotated[str, StringConstraints(max_length=20_000)]]


class VariableAnswer(Shape):
    name: str
    type: str
    default: str | None
    choices: list[str]


class PromptAnswer(Shape):
    id: UUID
    name: str
    slug: str
    content: str
    description: str
    tags: list[str]
    shared: bool
    built_in: bool
    own: bool
    is_active: bool
    version: int
    variables: list[VariableAnswer]
    created_at: dt.datetime
    updated_at: dt.datetime


class PromptsAnswer(Shape):
    items: list[PromptAnswer]


class VersionAnswer(Shape):
    number: int
    name: str
    content: str
    description: str
    tags: list[str]
    created_at: dt.datetime
    diff: str


class VersionsAnswer(Shape):
    items: list[VersionAnswer]


class RenderedAnswer(Shape):
    text: str
    missing: list[str]


class PromptsQuery(Parameters):
    q: str | None = Field(None, max_length=200, description="Words that name, description or content hold.")
    tag: str | None = Field(None, max_length=50)


class VersionPath(Parameters):
    id: str
    number: str = Field(description="Counted from 1.")
