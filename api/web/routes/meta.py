"""The server about itself: what it offers, whether it is well, its metrics and its documentation."""

from __future__ import annotations

from flask import Response, current_app, send_file

from api.domain import metrics
from api.domain.errors import NotFound
from api.web import reference
from api.web.answers import answer
from api.web.context import services
from api.web.openapi import Access, Parameters, Routes
from api.web.schemas.meta import Health, Index, Readiness

A_DAY = 86_400
TEXT = {"description": "Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}}

routes = Routes("meta", "The server about itself")


class AssetPath(Parameters):
    name: str


@routes.get("/", access=Access.PUBLIC, returns={200: Index})
def index() -> Response:
    """Name, version, links and all endpoints"""
    return answer(reference.index(current_app._get_current_object()))  # type: ignore[attr-defined]


@routes.get("/health", access=Access.PUBLIC, returns={200: Health, 503: Health})
def health() -> Response:
    """Is this process alive? Reads no database"""
    reason = services().health.stuck()
    return answer({"status": "stuck", "reason": reason}, 503) if reason else answer({"status": "ok"})


@routes.get("/ready", access=Access.PUBLIC, returns={200: Readiness, 503: Readiness})
def ready() -> Response:
    """Should requests be sent here? Database, schema, and not stopping"""
    reasons = services().health.obstacles()
    return answer({"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200)


@routes.get("/metrics", access=Access.METRICS, returns={200: TEXT})
def exposition() -> Response:
    """Prometheus metrics"""
    return Response(services().health.metrics(), content_type=metrics.CONTENT_TYPE)


@routes.get("/openapi.json", access=Access.PUBLIC, doc_ui=False)
def openapi() -> Response:
    return answer(reference.openapi(current_app._get_current_object()))  # type: ignore[attr-defined]


@routes.get("/docs", access=Access.PUBLIC, doc_ui=False)
def swagger() -> Response:
    return reference.page(reference.SWAGGER)


@routes.get("/redoc", access=Access.PUBLIC, doc_ui=False)
def redoc() -> Response:
    return reference.page(reference.REDOC)


@routes.get("/docs/errors", access=Access.PUBLIC, doc_ui=False)
def error_codes() -> Response:
    return reference.page(reference.errors_page())


@routes.get("/docs/assets/<name>", access=Access.PUBLIC, doc_ui=False)
def asset(path: AssetPath) -> Response:
    if path.name in reference.SCRIPTS:
        return Response(reference.SCRIPTS[path.name], content_type="text/javascript; charset=utf-8")
    file = reference.asset_path(path.name)
    if file is None:
        raise NotFound("There is no such file.")
    return send_file(file, max_age=A_DAY)
