"""Bytes that are no request: the problem form, without an echo of what was sent, and the connection ends."""

from __future__ import annotations

import json

import pytest

from tests.handover.raw import Raw, request
from tests.server import Server

pytestmark = pytest.mark.xdist_group("handover")
SECRET = "sk-planted-0123456789"
CASES = {
    "no request line": (f"{SECRET}\r\n\r\n", 400),
    "a version that is none": (f"GET /{SECRET} HTTP/9.9.9\r\n\r\n", 400),
    "a header without a colon": (f"GET / HTTP/1.1\r\nHost: test\r\n{SECRET}\r\n\r\n", 400),
    "a name with a space": (f"GET / HTTP/1.1\r\nHost: test\r\nX {SECRET}: a\r\n\r\n", 400),
    "two lengths": (f"POST /{SECRET} HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
    "an address too long": (f"GET /{SECRET}{'a' * 9000} HTTP/1.1\r\nHost: test\r\n\r\n", 414),
    "a header too long": (f"GET / HTTP/1.1\r\nHost: test\r\nX-Long: {SECRET}{'a' * 9000}\r\n\r\n", 431),
    "too many headers": ("GET / HTTP/1.1\r\n" + "".join(f"X-{n}: {SECRET}\r\n" for n in range(200)) + "\r\n", 431),
    "an unknown coding": (
        f"POST /{SECRET} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: {SECRET}\r\n\r\n0\r\n\r\n",
        501,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_answered_as_a_problem(case: str, handing: Server) -> None:
    sent, status = CASES[case]
    with Raw(handing.port, sent.encode()) as line:
        head = line.head()
        body = line.rest()
    assert head[0].split(" ")[1] == str(status)
    headers = dict(line.headers)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert int(headers["content-length"]) == len(body)
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["code"] == "bad_request"
    assert problem["request_id"] == headers["x-request-id"]
    assert SECRET not in body.decode()


def test_the_server_goes_on(handing: Server) -> None:
    for sent, _ in CASES.values():
        with Raw(handing.port, sent.encode()) as line:
            line.head()
    with Raw(handing.port, request("GET", "/health")) as line:
        assert line.head()[0].startswith("HTTP/1.1 200")


def test_the_log_names_no_more_than_the_kind(handing: Server) -> None:
    with Raw(handing.port, CASES["a header without a colon"][0].encode()) as line:
        line.head()
        line.rest()
    assert SECRET not in handing.log()
