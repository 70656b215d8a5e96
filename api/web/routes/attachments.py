"""/attachments: files that go with messages."""

from __future__ import annotations

from typing import Final

from flask import Response

from api.web import files, uploads
from api.web.answers import answer, no_content, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.attachments import AttachmentAnswer

BYTES: Final = {
    "description": "the file",
    "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
}
routes = Routes("attachments", "Files that go with messages")


@routes.post(
    "/attachments",
    summary="Upload a file",
    access=Access.CHAT,
    accepts=uploads.FORM,
    openapi_extensions=uploads.SHAPE,
    returns={201: AttachmentAnswer},
)
def add_attachment() -> Response:
    with uploads.uploaded() as upload:
        made = services().attachments.add(principal(), upload.name, upload)
    return answer(pick(AttachmentAnswer, made), 201)


@routes.get("/attachments/<id>", summary="A file's facts", access=Access.READ, returns={200: AttachmentAnswer})
def get_attachment(path: IdPath) -> Response:
    return answer(pick(AttachmentAnswer, services().attachments.get(principal(), path.id)))


@routes.get("/attachments/<id>/content", summary="Its bytes", access=Access.READ, returns={200: BYTES})
def get_attachment_content(path: IdPath) -> Response:
    found, file = services().attachments.open(principal(), path.id)
    return files.stored(file, found.mime, found.name, size=found.size, digest=found.digest)


@routes.delete("/attachments/<id>", summary="Delete a file", access=Access.CHAT, returns={204: None})
def delete_attachment(path: IdPath) -> Response:
    services().attachments.delete(principal(), path.id)
    return no_content()
