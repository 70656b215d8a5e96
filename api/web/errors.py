"""Errors become answers here and nowhere else: RFC 9457 problems, or the form of the surface that the path is of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from http import HTTPStatus

import msgspec
import structlog
from flask import Flask, Response, current_app, g, request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import BadRequest, ClientDisconnected, HTTPException, RequestTimeout

from api.domain.errors import AppError, Invalid
from api.web.malformed import LATE
from api.web.shapes import Shape
from api.web.surfaces import Surface, surface_of

PROBLEM_TYPE = "application/problem+json"
log = structlog.get_logger()
WERKZEUG_CODES = {
    400: ("bad_request", "The request could not be read."),
    404: ("not_found", "There is nothing here; /docs lists what there is."),
    405: ("method_not_allowed", "This method does not exist here; /docs lists those that do."),
    408: ("request_timeout", ""),  # whoever waited says for what
    413: ("body_too_large", "The request body is larger than this server takes; send less."),
    415: ("unsupported_media_type", ""),  # whoever refuses it names the types
}


class ProblemEntry(Shape):
    pointer: str
    detail: str
    code: str


class Problem(Shape):
    """RFC 9457, with a stable `code` and the request's id."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    retry_after: int | None = None
    errors: list[ProblemEntry] | None = None


def answer_error(error: AppError) -> Response:
    """The error in the form that this path's clients read."""
    problem = error.problem()
    if (surface := surface_of(current_app.extensions["parley_surfaces"], request.path)) is not None:
        status, content = surface.error_form(problem)
        response = _with_headers(msgspec.json.encode(content), error, "application/json")
        response.status_code = status
        return response
    content = problem | {"instance": request.path, "request_id": g.get("request_id", "")}
    return _with_headers(msgspec.json.encode(content), error, PROBLEM_TYPE)


def _with_headers(body: bytes, error: AppError, content_type: str) -> Response:
    response = Response(body, error.status, content_type=content_type)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def validation_problem(error: ValidationError) -> Response:
    """A body or parameter that does not have the documented shape: 400 for broken JSON, else 422."""
    found = error.errors(include_url=False)
    if any(entry["type"] == "json_invalid" for entry in found):
        return answer_error(_BadRequest("The body is not valid JSON; it must be one JSON object in UTF-8."))
    entries = [
        {
            "pointer": "".join(f"/{part}" for part in entry["loc"]),
            "detail": _worded(entry),
            "code": entry["type"],
        }
        for entry in found
    ]
    first = entries[0]
    return answer_error(Invalid(f"{first['pointer'] or 'The request'}: {first['detail']}", errors=entries))


def _worded(entry: ErrorDetails) -> str:
    """A text has characters, not items; and what our own rules say stands for itself."""
    words = entry["msg"].removeprefix("Value error, ")
    if entry["type"] not in ("too_short", "too_long") or not isinstance(entry["input"], str):
        return words
    least, most = entry["ctx"].get("min_length"), entry["ctx"].get("max_length")
    bound, side = (most, "most") if least is None else (least, "least")
    return f"Text should have at {side} {bound:,} character{'s' if bound != 1 else ''}"


class _BadRequest(AppError):
    status = 400
    code = "bad_request"
    title = "Bad request"


class _HttpError(AppError):
    """What werkzeug refused before a route was reached, or we in its name: then in our words."""

    def __init__(self, error: HTTPException) -> None:
        status = error.code or 500
        code, detail = WERKZEUG_CODES.get(status, ("http_error", error.description or "The request was refused."))
        if type(error) is BadRequest and error.description != BadRequest.description:
            detail = error.description or detail
        super().__init__(detail or error.description or "")
        self.status, self.code, self.title = status, code, HTTPStatus(status).phrase  # type: ignore[misc]


class _Unexpected(AppError):
    """A fault of ours; the log has it under the request's id."""


def install(app: Flask, surfaces: Iterable[Surface] = ()) -> None:
    """One handler for our errors, one for werkzeug's, one for everything else. Each surface has its own form."""
    app.extensions["parley_surfaces"] = tuple(surfaces)

    @app.errorhandler(AppError)
    def _ours(error: AppError) -> Response:
        return answer_error(error)

    @app.errorhandler(HTTPException)
    def _werkzeug(error: HTTPException) -> Response:
        if isinstance(error, ClientDisconnected) and isinstance(error.__context__, BlockingIOError):
            error = RequestTimeout(LATE)  # it is there still, and has sent nothing for long
        if error.code == 408 and (end := request.environ.get("parley.last")):
            end()
        response = answer_error(_HttpError(error))
        if error.code == 405 and (methods := getattr(error, "valid_methods", None)):
            response.headers["Allow"] = ", ".join(sorted(methods))
        return response

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Response:
        log.exception("request failed", path=request.path, request_id=g.get("request_id", ""))
        return answer_error(_Unexpected("Something went wrong on our side; the request id helps to find it."))
