"""Files of messages as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from uuid import UUID

from api.web.shapes import Shape


class FileShown(Shape):
    """`chars` of text, where it has some; `width` and `height` of an image."""

    id: UUID
    name: str
    kind: Literal["text", "pdf", "docx", "image"]
    mime: str
    size: int
    chars: int | None
    width: int | None
    height: int | None


class AttachmentAnswer(FileShown):
    """`message_id` is null until it is sent."""

    message_id: UUID | None
    created_at: dt.datetime
