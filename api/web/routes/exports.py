"""/chats/{id}/export, /export: one chat as a file, and all of them as a zip."""

from __future__ import annotations

from flask import Response

from api.web.context import principal, services
from api.web.files import download
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.exports import ExportQuery

routes = Routes("exports", "Chats as files")
TYPES = {
    "json": "application/json",
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
FILE = {
    "description": "a file",
    "content": {
        "application/json": {"schema": {"type": "object"}},
        "text/markdown": {"schema": {"type": "string"}},
        "text/html": {"schema": {"type": "string"}},
    },
}
ZIP = {"description": "a zip", "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}


@routes.get("/chats/<id>/export", summary="A chat as a file", access=Access.READ, returns={200: FILE})
def export_chat(path: IdPath, query: ExportQuery) -> Response:
    export = services().exports.one(principal(), path.id, query.format)
    return download(export.chunks, export.name, TYPES[query.format])


@routes.get("/export", summary="All chats as a zip", access=Access.READ, returns={200: ZIP})
def export_all() -> Response:
    export = services().exports.all(principal())
    return download(export.chunks, export.name, "application/zip")
