"""What is answered to bytes that are no HTTP request: the same problem form as everywhere, without an echo of them."""

from __future__ import annotations

import json
from http import HTTPStatus

from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)

from api.domain.ids import new_id

REFUSALS: dict[type[Exception], tuple[int, str]] = {
    LimitRequestLine: (414, "The address is longer than this server takes."),
    LimitRequestHeaders: (431, "The headers are more or longer than this server takes."),
    ExpectationFailed: (417, "The only expectation that this server meets is 100-continue."),
    UnsupportedTransferCoding: (501, "The only transfer coding that this server takes is chunked."),
    ParseException: (400, "The bytes received are not an HTTP request."),
}
LATE = "The request did not arrive in time. Send it again, all of it at once."
TOO_LATE = (408, LATE)
OURS = (500, "Something went wrong on our side; the request id helps to find it.")
CODES = {OURS[0]: "internal_error", TOO_LATE[0]: "request_timeout"}


def refusal(error: Exception) -> tuple[int, str]:
    """Status and words for what gunicorn could not read, or failed over."""
    return next((told for kind, told in REFUSALS.items() if isinstance(error, kind)), OURS)


def answer(status: int, detail: str, request_id: str) -> bytes:
    """The whole answer, head and body."""
    code = CODES.get(status, "bad_request")
    problem = {
        "type": f"/docs/errors#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": "",
        "request_id": request_id,
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
        f"X-Request-ID: {request_id}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def new_request_id() -> str:
    return new_id().hex
