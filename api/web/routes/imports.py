"""/imports: a file of chats is taken, and read in the background."""

from __future__ import annotations

from flask import Response

from api.web.answers import answer, pick
from api.web.context import principal, services
from api.web.files import uploaded
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.imports import ImportAnswer, ImportQuery, ImportResultAnswer, SeenImportAnswer

routes = Routes("imports", "Chats from files")
KINDS = frozenset(
    f"application/{one}" for one in ("json", "jsonl", "x-ndjson", "zip", "x-zip-compressed", "octet-stream")
)
BODY = {
    "requestBody": {
        "required": True,
        "description": "The file as another product or `GET /export` wrote it.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(KINDS)},
    }
}


@routes.post(
    "/imports",
    summary="Import a file: a zip or JSON, as the request's body",
    access=Access.CHAT,
    accepts=KINDS,
    openapi_extensions=BODY,
    most="max_import_bytes",
    returns={202: ImportAnswer},
)
def start_import() -> Response:
    with uploaded() as chunks:
        run = services().imports.start(principal(), chunks)
    response = answer(pick(ImportAnswer, run), 202)
    response.headers["Location"] = f"/imports/{run.id}"
    return response


@routes.get(
    "/imports/<id>", summary="How far it is, and its results", access=Access.READ, returns={200: SeenImportAnswer}
)
def get_import(path: IdPath, query: ImportQuery) -> Response:
    seen = services().imports.seen(principal(), path.id, query.after, query.limit)
    results = [pick(ImportResultAnswer, one) for one in seen.results]
    return answer(pick(ImportAnswer, seen.run) | {"results": results, "more": seen.more})
