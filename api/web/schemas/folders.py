"""Folders, tags and actions on many chats as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from api.domain.folders import MOST_TAGS, Action
from api.web.openapi import Body
from api.web.schemas.chats import Folder, Tag
from api.web.shapes import Shape

MOST_CHATS = 200
Named = Annotated[str, StringConstraints(min_length=1, max_length=50)]


class LabelAnswer(Shape):
    name: str
    chats: int = Field(description="With the archived ones.")
    archived: int


class ShelvesAnswer(Shape):
    """By name. Temporary chats are not counted; a folder or tag is there as long as a chat carries it."""

    folders: list[LabelAnswer]
    tags: list[LabelAnswer]
    unfiled: LabelAnswer = Field(description="The chats in no folder.")


class BulkOrder(Body):
    action: Action
    ids: Annotated[list[Named], Field(min_length=1, max_length=MOST_CHATS, description="Ids or slugs of chats.")]
    folder: Folder | None = Field(None, description="For `move`; null takes the chats out of their folders.")
    tags: Annotated[list[Tag], Field(max_length=MOST_TAGS)] = Field([], description="For `tag` and `untag`.")

    @model_validator(mode="after")
    def _complete(self) -> BulkOrder:
        if self.action == "move" and "folder" not in self.model_fields_set:
            raise ValueError("move takes `folder`: a name, or null to take the chats out of their folders")
        if self.action in ("tag", "untag") and not self.tags:
            raise ValueError(f"{self.action} takes `tags`: one or more")
        return self


class BulkResult(Shape):
    id: str = Field(description="As it was given.")
    done: bool
    code: str | None = Field(description="`not_found` or `too_many_tags`; null where it is done.")
    detail: str | None


class BulkAnswer(Shape):
    items: list[BulkResult]
