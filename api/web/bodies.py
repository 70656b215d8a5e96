"""What a request's body may be: how large, and of which media type. None is read before it is known whose it is.

A view's attribute `accepts` names media types other than JSON, `most` the setting that bounds its body, or its form's
file.
"""

from __future__ import annotations

import io
from typing import Any, Final

from flask import Flask, Request, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, RequestTimeout, UnsupportedMediaType

from api.web.arrival import BODY_BYTES
from api.web.context import WebSettings, behind
from api.web.malformed import LATE
from api.web.openapi import Access

WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH", "DELETE"))
FORM: Final = "multipart/form-data"
FORM_BYTES: Final = 64 * 1024  # what a form says besides its file
JSON_ONLY: Final = frozenset(("application/json",))


def guard(asked: Request, view: Any, web: WebSettings) -> None:
    """Raises what refuses the body by what the head says of it."""
    environ = asked.environ
    if environ["REQUEST_METHOD"] not in WITH_BODY:
        return
    length: str = environ.get("CONTENT_LENGTH") or "0"
    if _is_form(asked, view):
        file_bytes: int = getattr(web, getattr(view, "most", "max_upload_bytes"))
        asked.max_content_length = file_bytes + FORM_BYTES  # read as it arrives, and a cut one is noticed
        if length.isdecimal() and int(length) > asked.max_content_length:
            raise RequestEntityTooLarge
        return
    asked.max_content_length = _most(view, web)
    if length.isdecimal() and int(length) > asked.max_content_length:
        raise RequestEntityTooLarge
    if length == "0" and "HTTP_TRANSFER_ENCODING" not in environ:
        return
    taken = getattr(view, "accepts", JSON_ONLY)
    if view is not None and asked.mimetype not in taken:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(sorted(taken))}.")


def _most(view: Any, web: WebSettings) -> int:
    if _is_public(view):
        return min(web.max_body_bytes, BODY_BYTES)
    if FORM in getattr(view, "accepts", ()):  # its `most` is the form's
        return web.max_body_bytes
    most: int = getattr(web, getattr(view, "most", "max_body_bytes"))
    return most


def _is_public(view: Any) -> bool:
    """Whether anybody may send it: then all of it is here before a thread is, so that strangers hold none."""
    return getattr(view, "access", None) is Access.PUBLIC


def install(app: Flask) -> None:
    """After auth: a chunked body is read here, so that a cut one is refused and never taken for whole."""
    web: WebSettings = app.extensions["parley_web"]

    @app.before_request
    def _take() -> None:
        asked = behind(request)
        environ = asked.environ
        view = app.view_functions.get(asked.endpoint or "")
        if "HTTP_TRANSFER_ENCODING" not in environ or view is None or environ["REQUEST_METHOD"] not in WITH_BODY:
            return
        if _is_public(view) and environ.get("parley.partial"):
            raise RequestEntityTooLarge
        if not _is_form(asked, view):
            _take_chunked(environ, min(_most(view, web), web.max_body_bytes))


def _is_form(asked: Request, view: Any) -> bool:
    return asked.mimetype == FORM and FORM in getattr(view, "accepts", ())


def _take_chunked(environ: dict[str, Any], max_bytes: int) -> None:
    try:
        body: bytes = environ["wsgi.input"].read(max_bytes + 1)
    except BlockingIOError as error:
        raise RequestTimeout(LATE) from error
    except (OSError, ParseException) as error:
        raise BadRequest("The body broke off, or its chunks are not what HTTP says. Send it again.") from error
    if len(body) > max_bytes:
        raise RequestEntityTooLarge
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
