"""What holds for every request and answer: an id, guards before anything is read, headers, a log line, metrics."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import structlog
from flask import Flask, Request, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, RequestTimeout

from api.domain import metrics
from api.web import bodies
from api.web.context import WebSettings, behind, web_settings
from api.web.malformed import LATE

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
QUIET: Final = frozenset(("/health", "/ready", "/metrics"))
UNMATCHED: Final = "(no route)"
SECURITY_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
)
PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"),
    ("Access-Control-Max-Age", "7200"),
)
TAKEN: Final = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer", "X-Parley-Chat")
HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9-]{1,64}( ?, ?[A-Za-z0-9-]{1,64}){0,63}")
READABLE: Final = (
    "X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, Budget-Warning, Location, Idempotent-Replay, "
    "Content-Disposition"
)

log = structlog.get_logger()


def install(app: Flask) -> None:
    """First of all hooks: its `before_request` runs before the others', its `after_request` behind them."""
    web: WebSettings = app.extensions["parley_web"]
    app.config["MAX_CONTENT_LENGTH"] = web.max_body_bytes  # bodies that do not name their length
    recorder = Recorder()

    @app.before_request
    def _enter() -> Response | None:
        asked = behind(request)
        _begin(asked)
        return _arrive(asked, app.view_functions.get(asked.endpoint or ""), web)

    @app.after_request
    def _leave(response: Response) -> Response:
        asked, about = behind(request), behind(g)
        if "started" not in about:  # another hook failed before ours
            _begin(asked)
        _finish_headers(response.headers, asked.environ, about.request_id, web.cors_origins)
        recorder.record(asked, about, response.status_code)
        return response


def _arrive(asked: Request, view: Any, web: WebSettings) -> Response | None:
    """Raises what refuses the request. `view` is the one behind it."""
    environ = asked.environ
    if environ.get("parley.late"):  # the worker has waited long enough for its body
        raise RequestTimeout(LATE)
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return _preflight()
    _refuse_junk(environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
    bodies.guard(asked, view, web)
    return None


def _begin(asked: Request) -> None:
    about = behind(g)
    about.started = time.perf_counter()
    about.request_id = _request_id(asked.environ)


def _request_id(environ: dict[str, Any]) -> str:
    """The caller's id, the trace that the request belongs to, or a new one."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    if given and REQUEST_ID.fullmatch(given):
        return given
    trace = TRACEPARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
    return trace.group(1) if trace else os.urandom(16).hex()


def _preflight() -> Response:
    response = Response(status=204)
    response.headers.pop("Content-Type", None)
    response.headers.extend(PREFLIGHT)
    response.headers["Access-Control-Allow-Headers"] = ", ".join(TAKEN + _asked_for())
    return response


def _asked_for() -> tuple[str, ...]:
    """What else a page of a listed origin wants to send: SDKs add headers of their own, which nothing here reads."""
    names: str = request.environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    listed = request.environ.get("HTTP_ORIGIN") in web_settings().cors_origins
    if not listed or not HEADER_NAMES.fullmatch(names):
        return ()
    taken = {name.lower() for name in TAKEN}
    return tuple(name for part in names.split(",") if (name := part.strip()).lower() not in taken)


def _refuse_junk(path: str, query: str) -> None:
    """Bytes that are no UTF-8 text, and NUL, which no database takes."""
    if "\0" in path or not path.isascii():
        _require_text(path.encode("latin-1"))  # WSGI's way of carrying bytes
    if "%" in query or not query.isascii():
        _require_text(unquote_to_bytes(query.encode("latin-1")))


def _require_text(raw: bytes) -> None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("The address is not UTF-8 text. Encode it as UTF-8.") from error
    if b"\0" in raw:
        raise BadRequest("The address holds a NUL character. Leave it out.")


def _finish_headers(headers: Headers, environ: dict[str, Any], request_id: str, origins: frozenset[str]) -> None:
    headers["X-Request-ID"] = request_id
    present = {name for name, _ in headers}
    headers.extend([pair for pair in SECURITY_HEADERS if pair[0] not in present])
    if environ["wsgi.url_scheme"] == "https":
        headers.add("Strict-Transport-Security", "max-age=31536000")
    if not origins:
        return
    vary = headers.get("Vary")
    headers["Vary"] = f"{vary}, Origin" if vary else "Origin"
    origin = environ.get("HTTP_ORIGIN")
    if origin in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = READABLE


class Recorder:
    """One log line and two metrics an answer: by the route's rule, never by path, without texts or secrets."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._clocks: dict[tuple[str, str], Any] = {}

    def record(self, asked: Request, about: Any, status: int) -> None:
        seconds = time.perf_counter() - about.started
        matched, method = asked.url_rule, asked.method
        rule = matched.rule if matched is not None else UNMATCHED
        if method not in METHODS:
            method = "OTHER"
        self._counter(method, rule, status).inc()
        self._clock(method, rule).observe(seconds)
        who = about.get("principal")
        write = log.debug if rule in QUIET and status < 400 else log.info
        write(
            "request",
            method=method,
            rule=rule,
            status=status,
            ms=round(seconds * 1000, 2),
            user_id=str(who.user_id) if who is not None else None,
        )

    def _counter(self, method: str, rule: str, status: int) -> Any:
        child = self._counters.get((method, rule, status))
        if child is None:
            child = self._counters[method, rule, status] = metrics.requests_total.labels(method, rule, status)
        return child

    def _clock(self, method: str, rule: str) -> Any:
        child = self._clocks.get((method, rule))
        if child is None:
            child = self._clocks[method, rule] = metrics.request_seconds.labels(method, rule)
        return child
