"""/images: made by a model, listed, shown to their owner, deleted."""

from __future__ import annotations

from typing import Final

from flask import Response

from api.domain.pictures import EXTENSIONS
from api.services.images import ImageDraft
from api.web import files, replies
from api.web.answers import answer, no_content
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.request_headers import ONCE
from api.web.schemas.images import ImageAnswer, ImagesAnswer, ImagesQuery, NewImages, NewImagesAnswer, image_value

BYTES: Final = {
    "description": "the image",
    "content": {mime: {"schema": {"type": "string", "format": "binary"}} for mime in EXTENSIONS},
}
routes = Routes("images", "Images that models make")


@routes.post(
    "/images/generations",
    summary="Make images of words",
    access=Access.CHAT,
    generates=True,
    reads=ONCE,
    returns={201: NewImagesAnswer},
)
def make_images(body: NewImages) -> Response:
    asked = body.model_dump()
    made = services().images.make(principal(), ImageDraft(**asked), replies.call_key(asked))
    items = [image_value(image) for image in made.images]
    value = {"generation_id": made.generation_id, "cost": items[0]["cost"], "items": items}
    return replies.replayed(made, answer(value, 201))


@routes.get("/images", summary="Own images, the newest first", access=Access.READ, returns={200: ImagesAnswer})
def list_images(query: ImagesQuery) -> Response:
    page = services().images.page(principal(), query.limit, query.cursor)
    return answer({"items": [image_value(image) for image in page.items], "next_cursor": page.next_cursor})


@routes.get("/images/<id>", summary="An image's facts", access=Access.READ, returns={200: ImageAnswer})
def get_image(path: IdPath) -> Response:
    return answer(image_value(services().images.get(principal(), path.id)))


@routes.get("/images/<id>/content", summary="Its bytes", access=Access.READ, returns={200: BYTES})
def get_image_content(path: IdPath) -> Response:
    image, file = services().images.open(principal(), path.id)
    name = f"{image.id}.{EXTENSIONS[image.mime]}"
    return files.stored(
        file, image.mime, name, size=image.bytes, digest=image.digest, made=image.created_at, drawn=True
    )


@routes.delete("/images/<id>", summary="Delete an image", access=Access.CHAT, returns={204: None})
def delete_image(path: IdPath) -> Response:
    services().images.delete(principal(), path.id)
    return no_content()
