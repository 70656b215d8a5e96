"""/users/…/avatar: one's own is uploaded and removed; everybody with an account sees everybody's."""

from __future__ import annotations

from typing import Final

from flask import Response

from api.domain.avatars import MIME
from api.domain.ids import parse_id
from api.web import files, uploads
from api.web.answers import answer, no_content, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.accounts import UserAnswer

BYTES: Final = {"description": "the picture", "content": {MIME: {"schema": {"type": "string", "format": "binary"}}}}
routes = Routes("avatars", "Profiles")


@routes.put(
    "/users/me/avatar",
    summary="Upload an avatar",
    access=Access.ACCOUNT,
    accepts=uploads.FORM,
    openapi_extensions=uploads.SHAPE,
    most="max_avatar_bytes",
    returns={200: UserAnswer},
)
def put_avatar() -> Response:
    with uploads.uploaded() as upload:
        return answer(pick(UserAnswer, services().avatars.put(principal().user_id, upload)))


@routes.delete("/users/me/avatar", summary="Remove the avatar", access=Access.ACCOUNT, returns={204: None})
def delete_avatar() -> Response:
    services().avatars.delete(principal().user_id)
    return no_content()


@routes.get("/users/<id>/avatar", summary="Somebody's avatar", access=Access.READ, returns={200: BYTES})
def get_avatar(path: IdPath) -> Response:
    whose = services().accounts.public_profile(parse_id(path.id))
    avatar, file = services().avatars.open(whose.id)
    name = f"{whose.id}.webp"
    return files.stored(file, MIME, name, size=avatar.size, digest=avatar.digest, made=avatar.created_at, drawn=True)
